"""docs/own.md does what it says: a model, a metric, a method and a direction of one's own."""

import json
import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import torch
from project import REPOSITORY, SMALL, Project
from safetensors.torch import load_file
from tiny_model import write_tiny_model


def block(name: str) -> str:
    """The code block of docs/own.md that begins with a comment naming its file."""
    return re.search(rf"```\w+\n(# {name}\n.*?)```", page(), re.DOTALL)[1]


def page() -> str:
    return (REPOSITORY / "docs/own.md").read_text(encoding="utf-8")


def commands(section: str) -> list[str]:
    """The lines of a section's block of commands."""
    text = page().partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.search(r"\n\n```\n(.*?)```", text, re.DOTALL)[1].splitlines()


@pytest.fixture(scope="module")
def model_project(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone with a model of twelve blocks in models/my-model, and the page's config."""
    project = fresh.copy(tmp_path_factory.mktemp("own_model") / "project")
    write_tiny_model(project.root / "models/my-model", n_layers=12)
    shutil.copytree(REPOSITORY / "configs", project.root / "configs")
    (project.root / "my_model.yaml").write_text(block("my_model.yaml"), encoding="utf-8")
    return project


def call(command: str, *, project: Project) -> subprocess.CompletedProcess[str]:
    """Run a command of the page as it is written, with this environment's programs."""
    program, *words = shlex.split(command)
    module = {"snakemake": "snakemake", "steering-reliability": "steering_reliability"}[program]
    return project.python("-m", module, *words)


@pytest.fixture(scope="module")
def looked(model_project: Project) -> subprocess.CompletedProcess[str]:
    """What the page's first command says, before the second has run."""
    return call(commands("A model")[0], project=model_project)


@pytest.fixture(scope="module")
def studied(looked: subprocess.CompletedProcess[str], model_project: Project) -> Project:
    """The same after the page's second command."""
    _, study = commands("A model")
    run = call(study, project=model_project)
    assert run.returncode == 0, run.stderr
    return model_project


def test_a_model_of_ones_own_is_looked_at_by_the_pages_command(looked: subprocess.CompletedProcess[str]) -> None:
    assert looked.returncode == 0, looked.stderr
    assert "model     my-model in models/my-model" in looked.stdout
    assert "at layers 4, 6, 8" in looked.stdout


def test_a_model_of_ones_own_is_studied_by_the_pages_command(studied: Project) -> None:
    results = pd.read_parquet(studied.root / "results/my-model/results.parquet")
    main = results[results["role"] == "main"]
    assert set(main["layer"]) == {"4", "6", "8"}
    # Strengths and number of prompts are those of configs/tiny.yaml.
    assert set(main["alpha"]) == {0.0, 0.3, 1.0}
    assert main.groupby("split")["id"].nunique().to_dict() == {"benign": 8, "harm_test": 8, "harm_train": 8}
    assert (studied.root / "reports/my-model/index.html").is_file()


def test_a_finished_run_answers_every_command_by_its_folder(studied: Project) -> None:
    run = "results/my-model"
    for command, expected in {
        f"steering-reliability status {run}": "done  report",
        f"steering-reliability summary {run}": "report: reports/my-model/index.html",
        f"steering-reliability verify {run}": "as recorded",
        f"steering-reliability show {run} --n 1": "unsteered (",
        f"steering-reliability export results {run} out.csv": "out.csv",
        f"steering-reliability export direction {run} vector.gguf": "vector.gguf",
        f"steering-reliability doctor {run} --seconds 0": "28 of 28 shards exist",
        f"steering-reliability run {run} --cores 1": "index.html",
    }.items():
        done = call(command, project=studied)
        assert done.returncode == 0, (command, done.stderr)
        assert expected in done.stdout, command
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = fresh.copy(tmp_path_factory.mktemp("own") / "project")
    for name in ("my_metric.py", "my_method.py"):
        (project.root / name).write_text(block(name), encoding="utf-8")
    project.configure(SMALL)
    return project


def read(project: Project) -> pd.DataFrame:
    return pd.read_parquet(project.root / "results/tiny/results.parquet")


def test_a_method_of_ones_own_gives_the_directions_that_are_studied(project: Project) -> None:
    activations = "results/tiny/activations/contrastive_prefix.safetensors"
    assert project.snakemake("--cores", "2", activations).code == 0
    output = "my_directions/layer_{layer}.safetensors"
    subprocess.run([sys.executable, "my_method.py", activations, output], cwd=project.root, check=True)
    project.configure(SMALL | {"direction.file": output})
    run = project.snakemake("--cores", "2", "results")
    assert run.code == 0, run.output
    folder = project.root / "results/tiny/directions/contrastive_prefix"
    stored = torch.load(folder / "layer_1.pt", weights_only=True)["vector"]
    own = load_file(project.root / "my_directions/layer_1.safetensors")["direction"]
    assert torch.allclose(stored, (own / own.norm()).float(), atol=1e-6)
    cosine = json.loads((folder / "layer_1.json").read_text())["cosine_with_learned"]
    # The tiny model has one planted direction, which any method finds.
    assert 0.9 < cosine <= 1
    assert len(read(project)) == 2 * 2 * 3 * 6


def test_a_metric_of_ones_own_rescores_and_writes_nothing_anew(project: Project) -> None:
    own = {"direction.file": "my_directions/layer_{layer}.safetensors", "metrics.scorer": "my_metric.py:score"}
    project.configure(SMALL | own)
    run = project.snakemake("--cores", "2", "results")
    assert run.code == 0, run.output
    assert any(one.rule == "aggregate" for one in run.jobs)
    assert not any(one.rule.startswith("complete_") for one in run.jobs)
    results = read(project)
    starts = results["completion"].str.lstrip().str.lower().str.startswith(("i'm sorry", "i cannot"))
    assert (results["is_refusal"] == starts).all()
    # An edit of the function counts.
    project.edit("my_metric.py", old="else 0.0", new="else 1.0")
    assert project.snakemake("--cores", "2", "results").code == 0
    assert read(project)["is_refusal"].all()


def test_a_direction_that_is_not_there_is_told_before_anything_runs(project: Project) -> None:
    project.configure(SMALL | {"direction.file": "no/layer_{layer}.pt"})
    run = project.snakemake("--cores", "2", "results")
    assert run.code != 0
    assert "there is no direction no/layer_1.pt" in run.output
    assert "Traceback" not in run.output
