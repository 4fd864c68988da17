"""The three notebooks, executed for real by papermill on the tiny model, in a copy of the project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from project import REPOSITORY, Project
from steering_reliability import load_direction
from steering_reliability.run_plan import FIGURES

# A model of its own makes a config that stands alone.
CHANGES: dict[str, Any] = {
    "model": {"name": "tiny", "source": "model", "device": "cpu", "dtype": "float32"},
    "generation": {"max_new_tokens": 6, "temperature": 0.7},
    "sanity_checks": {"enabled": False},
}


class Notebooks:
    """A project with the notebooks' commands, and the folder in which executed notebooks lie."""

    def __init__(self, project: Project, executed: Path) -> None:
        self.root, self.executed = project.root, executed

    def execute(self, name: str, parameters: dict[str, Any]) -> str:
        """Run a notebook from top to bottom; everything that it showed, as one text."""
        output = self.executed / f"{name}.ipynb"
        given = self.executed / f"{name}.yaml"
        given.write_text(yaml.safe_dump(parameters), encoding="utf-8")
        command = [sys.executable, "-m", "papermill", str(REPOSITORY / "notebooks" / f"{name}.ipynb"), str(output)]
        command += [
            "--parameters_file",
            str(given),
            "--cwd",
            str(self.root),
            "--kernel",
            "python3",
            "--no-progress-bar",
        ]
        environment = {key: value for key, value in os.environ.items() if key != "STEERING_OWNER"}
        environment |= {
            "PYTHONPATH": str(self.root / "workflow"),
            "HF_HUB_OFFLINE": "1",
            "XDG_CACHE_HOME": str(self.root / ".cache"),
            "IPYTHONDIR": str(self.root / ".ipython"),
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-6000:]
        return _shown(nbformat.read(output, as_version=4))


def _shown(notebook: nbformat.NotebookNode) -> str:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # Whatever the order in which someone last ran the cells, here it is the order on the page.
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    texts = [text for one in outputs for kind, text in one.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join([*(one.get("text", "") for one in outputs), *texts])


@pytest.fixture(scope="module")
def notebooks(fresh, tmp_path_factory) -> Notebooks:
    project = fresh.copy(tmp_path_factory.mktemp("notebooks") / "project")
    shutil.copytree(REPOSITORY / "scripts", project.root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return Notebooks(project, tmp_path_factory.mktemp("executed"))


@pytest.fixture(scope="module")
def sweep(notebooks) -> tuple[Path, str]:
    """The run's folder of the executed sweep, and what the notebook showed."""
    parameters = {"PROMPTS": 4, "LAYERS": [0, 1], "ALPHAS": [0.5], "CHANGES": CHANGES, "CORES": "2"}
    shown = notebooks.execute("02_full_sweep", parameters | {"RUN_ID": "sweep", "OUTPUT_DIR": "results/of_test"})
    return notebooks.root / "results" / "of_test" / "sweep", shown


def test_the_smoke_test_shows_a_table_and_six_examples(notebooks):
    parameters = {"PROMPTS": 4, "LAYER": 1, "ALPHA": 1.0, "CHANGES": CHANGES, "CORES": "2"}
    shown = notebooks.execute("01_smoke_test", parameters | {"RUN_ID": "smoke", "OUTPUT_DIR": "results/of_test"})
    run = notebooks.root / "results" / "of_test" / "smoke"
    settings = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert settings["experiment"]["output_dir"] == "results/of_test/smoke"
    summary = pd.read_csv(run / "tables" / "summary.csv")
    assert sorted(summary["alpha"]) == [0.0, 1.0]
    assert set(summary["refusal_harm_test_n"]) == {4}
    assert (run / "report" / "index.html").is_file()
    examples = (run / "six_examples.md").read_text(encoding="utf-8")
    assert examples.count("Prompt:") == 6
    # Two of each harmful split are folded.
    assert examples.count("<details>") == 4
    assert examples in shown
    assert "refusal_harm_test_low" in shown
    assert "smoke in results/of_test/smoke" in shown
    assert "transformer-lens 4" in shown


def test_the_sweep_leaves_directions_figures_and_claims(sweep):
    run, shown = sweep
    assert load_direction(run / "directions" / "contrastive_prefix" / "layer_0.pt").statistics["layer"] == 0
    summary = pd.read_csv(run / "tables" / "summary.csv")
    assert sorted(zip(summary["layer"], summary["alpha"], strict=True)) == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5)]
    assert {path.stem for path in (run / "figures").glob("*.png")} == set(FIGURES)
    assert (run / "report" / "index.html").is_file()
    assert "verdict" in shown
    assert '"weights_sha256"' in shown


def test_the_analysis_makes_figures_and_examples_of_the_sweep(notebooks, sweep):
    run, _ = sweep
    parameters = {"RESULTS": str(run / "results.parquet"), "RUN_ID": "analysis", "OUTPUT_DIR": "results/of_test"}
    shown = notebooks.execute("03_analysis", parameters | {"EXAMPLES": 2})
    made = notebooks.root / "results" / "of_test" / "analysis"
    assert {path.stem for path in (made / "figures").glob("*.png")} == set(FIGURES)
    assert (made / "summary.csv").read_bytes() == (run / "tables" / "summary.csv").read_bytes()
    examples = (made / "examples.md").read_text(encoding="utf-8")
    assert examples.startswith("# Examples: tiny\n")
    assert examples.count("Prompt:") == 6
    assert examples in shown
    assert "on_pareto" in shown
