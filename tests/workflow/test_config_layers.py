"""Snakemake and the commands read the same study out of the same files, whatever is left out of them."""

import json

import pytest
import yaml
from project import REPOSITORY, Project
from steering_reliability.config.files import read_config
from steering_reliability.config.reading import load_config

# In the Snakefile's place, a line that says which study it is about.
SAY = "\nprint('STUDY', RUN.config.model_dump_json())\n"
TINY = {"sanity_checks": {"enabled": False}, "data": {"max_prompts_per_split": 3}}
MODEL = {"model": {"name": "own", "source": "model"}, "experiment": {"layers": [1], "output_dir": "results/own"}}


@pytest.fixture(scope="module")
def project(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = fresh.copy(tmp_path_factory.mktemp("layers") / "project")
    with (project.root / "Snakefile").open("a", encoding="utf-8") as file:
        file.write(SAY)
    for name, content in {"tiny.yaml": TINY, "own.yaml": MODEL}.items():
        (project.root / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    return project


def study_of(run) -> dict:
    (line,) = {line for line in run.output.splitlines() if line.startswith("STUDY ")}
    return json.loads(line.removeprefix("STUDY "))


@pytest.mark.parametrize("files", [["tiny.yaml", "own.yaml"], ["config.yaml", "own.yaml"]])
def test_snakemake_reads_what_the_commands_read(project: Project, files: list[str], monkeypatch) -> None:
    # The last --configfile counts.
    run = project.plan("--quiet", "all", "--cores", "1", "--configfile", *files)
    monkeypatch.chdir(REPOSITORY)
    expected = load_config(read_config(*(project.root / name for name in files)))
    assert study_of(run) == expected.model_dump(mode="json")


def test_what_is_said_on_the_command_line_lies_on_top(project: Project) -> None:
    said = "generation={'max_new_tokens': 7}"
    run = project.plan("--config", said, "--quiet", "all", "--cores", "1", config="tiny.yaml")
    assert study_of(run)["generation"]["max_new_tokens"] == 7
    assert study_of(run)["data"]["max_prompts_per_split"] == 3


def test_a_run_keeps_the_config_that_it_began_with(finished: Project) -> None:
    kept = yaml.safe_load((finished.root / "results/tiny/logs/config.yaml").read_text(encoding="utf-8"))
    assert kept == load_config(yaml.safe_load((finished.root / "run.yaml").read_text("utf-8"))).model_dump(mode="json")
