"""What the Snakemake workflow catalog asks of a repository, in small (its scripts/generate-catalog.py and pages)."""

import re
import tomllib
from pathlib import Path

import pytest
import steering_reliability
import yaml
from steering_reliability.run.plan import EVIDENCE, FIGURES

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = {"conda", "apptainer", "apptainer+conda", "singularity", "singularity+conda"}


@pytest.fixture(scope="module")
def usage() -> dict:
    settings = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert set(settings) == {"usage"}
    return settings["usage"]


def test_the_catalog_finds_a_workflow():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme
    # It looks below workflow/ as soon as there is such a folder, for the rules as well.
    assert (ROOT / "workflow/Snakefile").is_file()
    assert not (ROOT / "workflow/rules").exists()
    assert list((ROOT / "rules").glob("*.smk"))


def test_what_it_counts_as_standardized_is_there():
    assert (ROOT / "config/README.md").is_file()
    # snakedeploy copies config/ and has the copy read config/config.yaml, which must be a mapping.
    assert isinstance(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")), dict)


def test_the_settings_have_the_keys_that_it_reads(usage):
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    assert set(usage["software-stack-deployment"]) <= DEPLOYMENTS
    assert all(isinstance(value, bool) for value in (*usage["software-stack-deployment"].values(), usage["report"]))
    assert any(usage["software-stack-deployment"].values())


def test_the_flags_are_those_of_the_page_and_of_the_profile(usage):
    flags = usage["mandatory-flags"]["flags"]
    assert f"snakemake --cores 4 {flags}\n" in (ROOT / "docs/module.md").read_text(encoding="utf-8")
    profile = yaml.safe_load((ROOT / "workflow/profiles/default/config.yaml").read_text(encoding="utf-8"))
    triggers = f"--rerun-triggers {' '.join(profile['rerun-triggers'])}"
    assert flags == f"--resources {' '.join(profile['resources'])} --scheduler {profile['scheduler']} {triggers}"


def test_report_is_claimed_because_files_have_captions(usage):
    # A caption has the name of its file.
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    named = set(re.findall(r'reported\(f"\{\w+\}/(?:\w+/)?(\w+)\.\w+"', text))
    captions = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    assert usage["report"]
    assert named | set(EVIDENCE) | set(FIGURES) == captions


def test_there_is_one_version():
    """Rules of a tag ask for the package of that version, and pip calls it by the project's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    rules = re.search(r'^WORKFLOW_VERSION = "(.*)"$', (ROOT / "rules/package.smk").read_text(encoding="utf-8"), re.M)[1]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    assert project == rules == steering_reliability.__version__ == str(cited)
    page = (ROOT / "docs/module.md").read_text(encoding="utf-8")
    assert set(re.findall(r'@v([0-9.]+)|tag="v([0-9.]+)"|--tag v([0-9.]+)', page)) == {
        (project, "", ""),
        ("", project, ""),
        ("", "", project),
    }
