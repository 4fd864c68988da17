"""docs/own.md does what it says: a metric, a method and a direction of one's own."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
import torch
from project import REPOSITORY, Project
from safetensors.torch import load_file

ONE = {
    "experiment.layers": [1],
    "experiment.alphas": {"add": [1.0], "ablate": [1.0]},
    "sanity_checks.enabled": False,
    "sanity_checks.layer": None,
}


def block(name: str) -> str:
    """The code block of docs/own.md that begins with a comment naming its file."""
    text = (REPOSITORY / "docs/own.md").read_text(encoding="utf-8")
    return re.search(rf"```python\n(# {name}\n.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def project(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = fresh.copy(tmp_path_factory.mktemp("own") / "project")
    for name in ("my_metric.py", "my_method.py"):
        (project.root / name).write_text(block(name), encoding="utf-8")
    project.configure(ONE)
    return project


def read(project: Project) -> pd.DataFrame:
    return pd.read_parquet(project.root / "results/tiny/results.parquet")


def test_a_method_of_ones_own_gives_the_directions_that_are_studied(project: Project) -> None:
    activations = "results/tiny/activations/contrastive_prefix.safetensors"
    assert project.snakemake("--cores", "2", activations).code == 0
    output = "my_directions/layer_{layer}.safetensors"
    subprocess.run([sys.executable, "my_method.py", activations, output], cwd=project.root, check=True)
    project.configure(ONE | {"direction.file": output})
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
    project.configure(ONE | own)
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
    project.configure(ONE | {"direction.file": "no/layer_{layer}.pt"})
    run = project.snakemake("--cores", "2", "results")
    assert run.code != 0
    assert "there is no direction no/layer_1.pt" in run.output
    assert "Traceback" not in run.output
