"""docs/module.md does what it says: the workflow as a module of another one, from a folder and from a tag."""

import csv
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from project import REPOSITORY, Project, Run, processes_in

DOCS = (REPOSITORY / "docs/module.md").read_text(encoding="utf-8")
FOLDER = "/path/to/steering-reliability"
OPTIONS = re.search(r"```\nsnakemake --cores 4 (.*)\n```", DOCS)[1].split()
OWN = "results/steering/tables/summary.csv"
TAG = "v0.1.0"


def blocks(start: str) -> list[str]:
    """The code blocks of the page that begin so."""
    found = [block for block in re.findall(r"```(?:python|yaml)\n(.*?)```", DOCS, re.DOTALL) if block.startswith(start)]
    assert found, f"docs/module.md has no block that begins with {start!r}"
    return found


@pytest.fixture(scope="module")
def clone(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone of the workflow, which an importer only reads."""
    return fresh.copy(tmp_path_factory.mktemp("module") / "clone")


def importer(root: Path, *, model: Path, snakefile: str, changes: dict | None = None) -> Project:
    """A workflow of a user's own that imports this one: the page's config, with the tiny model, and a Snakefile."""
    root.mkdir(parents=True)
    config = yaml.safe_load(blocks("# config.yaml")[0])
    config["steering"] |= {"model": {"name": "tiny", "source": "data/model", "device": "cpu", "dtype": "float32"}}
    config["steering"]["generation"] |= {"batch_size": 64, "workers": 1}
    # A key that the workflow would refuse, if it took the importer's config for its own.
    (root / "config.yaml").write_text(yaml.safe_dump({"samples": ["a"], **config, **(changes or {})}), encoding="utf-8")
    (root / "Snakefile").write_text(snakefile, encoding="utf-8")
    shutil.copytree(model, root / "data/model")
    return Project(root)


def run(project: Project, *arguments: str, package: Path | None = None) -> Run:
    """Run the importer with the page's options; `package` stands for an installed one."""
    path = () if package is None else (str(package),)
    return project.snakemake("--cores", "2", *OPTIONS, *arguments, config="config.yaml", extra_path=path, timeout=600)


def local_snakefile(clone: Project) -> str:
    return blocks("# Snakefile")[0].replace(FOLDER, str(clone.root))


@pytest.fixture(scope="module")
def beside(clone: Project, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """The page's first example with a prefix, run to the tables, with the hook that the page recommends."""
    text = local_snakefile(clone).replace('config["steering"]\n', 'config["steering"]\n    prefix: "study"\n', 1)
    summary = "rules.st_summarise.output.summary,"
    text = text.replace(summary, f"{summary}\n        rules.st_prompts.input,")
    text = text.replace("cut -d, -f1-6 {input} >", "cut -d, -f1-6 {input[0]} >") + "\n" + blocks("onstart:")[0]
    text += '\nprint("LOCAL", *workflow._localrules)\n'
    project = importer(tmp_path_factory.mktemp("beside") / "importer", model=tiny_folder, snakefile=text)
    before = clone.files(".")
    done = run(project)
    assert done.code == 0, done.output
    written = {name for name in clone.files(".").keys() - before.keys() if "__pycache__" not in name}
    assert written == set(), "nothing is written where the workflow lies"
    return project, done


def test_the_importers_rule_gets_what_the_module_makes(beside):
    project, done = beside
    assert {"own", "st_summarise", "st_aggregate", "st_choose_claim_points"} <= {job.rule for job in done.jobs}
    own = list(csv.reader((project.root / "own/refusal.csv").open()))
    table = list(csv.reader((project.root / "study" / OWN).open()))
    assert own == [row[:6] for row in table]
    assert len(own) > 2
    # The importer's first rule stays the default.
    assert "st_all" not in {job.rule for job in done.jobs}
    # What `localrules:` would name by names that the importer's prefix has changed.
    local = set(re.search(r"^LOCAL (.*)$", done.output, re.MULTILINE)[1].split())
    assert local == {"st_prepare_prompts", "st_measure_shift", "st_build_direction"}
    # The checkpoint is followed under its new name.
    directions = {dict(job.wildcards).get("direction") for job in done.finished if job.rule == "st_complete_shard"}
    assert directions == {"contrastive_prefix", "random_0"}


def test_results_lie_below_the_prefix_and_data_where_the_importer_put_it(beside):
    project, _ = beside
    assert (project.root / "study/results/steering/results.parquet").is_file()
    seen = {path.name for path in project.root.iterdir() if not path.name.startswith(".")}
    assert seen == {"Snakefile", "config.yaml", "data", "own", "study"}
    assert ended(project)
    found = captions(project)
    assert f"study/{OWN}" in found
    assert all("<p>" in text for text in found.values())


def ended(project: Project, *, within: float = 30) -> bool:
    """Whether no process is left of a run that has ended, or will be in a moment: torch takes its time to close."""
    deadline = time.monotonic() + within
    while processes_in(project.root) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not processes_in(project.root)


def captions(project: Project, package: Path | None = None) -> dict[str, str]:
    """Path to caption of what a report would hold."""
    done = run(project, "--reporter", "captions", package=package)
    assert done.code == 0, done.output
    return json.loads(re.search(r"^CAPTIONS (.*)$", done.output, re.MULTILINE)[1])


def test_a_second_run_has_nothing_to_do_until_the_clones_code_changes(beside, clone, tmp_path):
    project, _ = beside
    assert "Nothing to be done" in project.plan(*OPTIONS, config="config.yaml").output
    other = clone.copy(tmp_path / "clone")
    other.edit("workflow/scripts/summarise.py", old='"""\n', new='"""\n# Other code.\n')
    mine = project.copy(tmp_path / "importer")
    mine.edit("Snakefile", old=str(clone.root), new=str(other.root))
    again = {job.rule for job in mine.plan(*OPTIONS, config="config.yaml").jobs}
    # Nothing but what that script makes: that prompts, too, lie in another folder now changes nothing.
    assert again == {"st_summarise", "own", "all"}


# ---- from a tag


@pytest.fixture(scope="module")
def hosted(clone: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment in which github.com is a bare repository on this disk, with a tag that the main branch has left."""
    folder = tmp_path_factory.mktemp("hosted")
    work, bare = folder / "work", folder / "host/owner/steering-reliability"
    work.mkdir()
    for name in ("Snakefile", "config.yaml", "config", "rules", "workflow", "envs", "prompts"):
        if (clone.root / name).is_dir():
            shutil.copytree(clone.root / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (clone.root / name).exists():
            shutil.copy2(clone.root / name, work / name)
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "-m", "One"],
        ["tag", TAG],
        ["rm", "-r", "--quiet", "."],
        [*author, "commit", "--quiet", "-m", "Two"],
        ["clone", "--quiet", "--bare", ".", str(bare)],
    ):
        subprocess.run(["git", *command], cwd=work, check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{folder}/host/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
    }


@pytest.fixture
def github(hosted, monkeypatch) -> dict[str, str]:
    """The same, in force."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    for name, value in hosted.items():
        monkeypatch.setenv(name, value)
    return hosted


@pytest.fixture(scope="module")
def installed(clone: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package alone, as pip installs it: no scripts, no prompts, no config."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(
        clone.root / "workflow/steering_reliability",
        site / "steering_reliability",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return site


def tagged_snakefile() -> str:
    """The page's first example with its second module statement."""
    (module,) = [block for block in blocks("module steering:") if "github(" in block]
    whole = blocks("# Snakefile")[0]
    return re.sub(r"module steering:.*?\n\n\n", f"{module}\n\n", whole, flags=re.DOTALL).replace("OWNER", "owner")


@pytest.mark.slow
def test_a_tag_runs_with_the_installed_package(github, installed, clone, tiny_folder, tmp_path):
    project = importer(tmp_path / "importer", model=tiny_folder, snakefile=tagged_snakefile())
    done = run(project, package=installed)
    assert done.code == 0, done.output
    assert (project.root / "own/refusal.csv").is_file()
    assert ended(project)
    assert "Nothing to be done" in project.plan(*OPTIONS, config="config.yaml", extra_path=(str(installed),)).output
    assert all("<p>" in text for text in captions(project, package=installed).values())
    # Jobs find the very same package in an environment that has none.
    link = project.root / ".snakemake/only_package/steering_reliability"
    assert link.resolve() == installed / "steering_reliability"
    # Whoever goes over to a clone of that version does nothing again: the digests of the code are the same.
    (tagged,) = re.findall(r"github\(.*\)", tagged_snakefile())
    project.edit("Snakefile", old=tagged, new=repr(f"{clone.root}/Snakefile"))
    assert "Nothing to be done" in project.plan(*OPTIONS, config="config.yaml").output


def refused(project: Project, *, package: Path, said: tuple[str, ...]) -> None:
    done = project.snakemake("--dry-run", config="config.yaml", extra_path=(str(package),))
    assert done.code != 0
    assert "Traceback" not in done.output
    for part in said:
        assert part in done.output, done.output


@pytest.mark.parametrize(
    ("first_lines", "found"),
    [("", "need the package steering-reliability 0.1.0, and 0.0.9 is installed in"),
     ('import sys\n\nsys.modules["steering_reliability"] = None\n', "0.1.0, and it is not installed")],
)  # fmt: skip
def test_another_version_is_refused_with_the_command_that_installs_the_right_one(
    github, installed, tiny_folder, tmp_path, first_lines, found
):
    project = importer(tmp_path / "importer", model=tiny_folder, snakefile=first_lines + tagged_snakefile())
    shutil.copytree(installed, tmp_path / "site")
    init = tmp_path / "site/steering_reliability/__init__.py"
    init.write_text(init.read_text(encoding="utf-8").replace('__version__ = "0.1.0"', '__version__ = "0.0.9"'))
    install = f'pip install "steering-reliability @ git+https://github.com/owner/steering-reliability@{TAG}"'
    refused(project, package=tmp_path / "site", said=(found, install))


# ---- whose is what


def test_the_package_of_the_folder_is_used_and_never_another_one(clone, installed, tiny_folder, tmp_path):
    """Another copy comes first on the path: it is passed over, and where it is loaded already, that is an error."""
    text = local_snakefile(clone) + (
        "\nimport json\nimport steering_reliability\n\nprint('LOADED', steering_reliability.__file__)\n"
        "print('CONFIG', json.dumps(config), {name.rpartition('/')[2] for name in map(str, workflow.configfiles)})\n"
    )
    project = importer(tmp_path / "importer", model=tiny_folder, snakefile=text)
    done = project.plan(*OPTIONS, config="config.yaml", extra_path=(str(installed),))
    assert f"LOADED {clone.root}/workflow/steering_reliability/__init__.py" in done.output
    # The importer's config stays its own.
    given = yaml.safe_load((project.root / "config.yaml").read_text(encoding="utf-8"))
    read = re.search(r"^CONFIG (.*) (\{.*\})$", done.output, re.MULTILINE)
    assert json.loads(read[1]) == given
    assert read[2] == "{'config.yaml'}"
    early = importer(
        tmp_path / "early", model=tiny_folder, snakefile="import steering_reliability\n\n" + local_snakefile(clone)
    )
    said = ("another copy of the package is loaded already", str(installed), str(clone.root), "from one folder only")
    refused(early, package=installed, said=said)


def test_a_path_that_is_given_starts_where_snakemake_runs(clone, tiny_folder, tmp_path):
    project = importer(tmp_path / "importer", model=tiny_folder, snakefile=local_snakefile(clone))
    project.edit("config.yaml", old="  data:\n", new="  data:\n    benign_path: prompts/benign.jsonl\n")
    refused(project, package=tmp_path, said=("there is no prompt file prompts/benign.jsonl", "data.benign_path"))
    (project.root / "prompts").mkdir()
    shutil.copy2(clone.root / "prompts/benign.jsonl", project.root / "prompts")
    assert project.plan(*OPTIONS, config="config.yaml").jobs


def test_two_studies_live_in_one_workflow(clone, tiny_folder, tmp_path):
    text = blocks("# Snakefile\nmodule small")[0].replace(FOLDER, str(clone.root))
    study = {"experiment": {"layers": [14], "alphas": [1.0], "interventions": ["add"], "output_dir": "results/small"}}
    large = {"experiment": {**study["experiment"], "output_dir": "results/large"}}
    project = importer(
        tmp_path / "importer", model=tiny_folder, snakefile=text, changes={"small": study, "large": large}
    )
    plan = project.plan("small_all", "large_all", *OPTIONS, config="config.yaml")
    made = [job.rule for job in plan.jobs if job.rule.endswith("prepare_model")]
    assert made == ["small_prepare_model"]
    assert {"small_record_checksums", "large_record_checksums"} <= {job.rule for job in plan.jobs}


# ---- as the workflow catalog tells people to use it


def test_a_project_that_snakedeploy_made_runs_the_whole_study(github, clone, installed, tmp_path):
    """It copies config/ and writes workflow/Snakefile; nothing else of the repository is there."""
    project = Project(tmp_path / "project")
    shutil.copytree(REPOSITORY / "config", project.root / "config")
    (project.root / "workflow").mkdir()
    source = f'github("owner/steering-reliability", path="workflow/Snakefile", tag="{TAG}")'
    lines = (
        *(
            'configfile: "config/config.yaml"',
            "",
            "module steering_reliability:",
            "    snakefile:",
            f"        {source}",
        ),
        *("    config:", "        config", "", "use rule * from steering_reliability", ""),
    )
    (project.root / "workflow/Snakefile").write_text("\n".join(lines), encoding="utf-8")
    plan = project.plan(*OPTIONS, config="config/config.yaml", extra_path=(str(installed),))
    whole = clone.plan("--snakefile", "workflow/Snakefile", config="config.yaml")
    assert plan.jobs == whole.jobs
    assert {"study", "record_checksums", "complete_baseline", "scan_layers"} <= {job.rule for job in plan.jobs}
