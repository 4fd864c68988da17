"""The three notebooks, executed for real by papermill on the tiny model, in a copy of the project."""

import base64
import html
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from project import REPOSITORY, Project
from steering_reliability import load_direction
from steering_reliability.run.plan import FIGURES

TINY: dict[str, Any] = {
    "MODEL": {"name": "tiny", "source": "model", "device": "cpu", "dtype": "float32"},
    "CHANGES": {"generation": {"max_new_tokens": 6, "workers": 1}, "sanity_checks": {"enabled": False}},
    "PROMPTS": 4,
    "OUTPUT_DIR": "results/of_test",
    "CORES": 2,
}


class Notebooks:
    """A project with the notebooks' commands, and the folder in which executed notebooks lie."""

    def __init__(self, project: Project, executed: Path) -> None:
        self.root, self.executed = project.root, executed

    def execute(self, name: str, parameters: dict[str, Any]) -> nbformat.NotebookNode:
        """Run a notebook from top to bottom, or to its first error."""
        output = self.executed / f"{name}.ipynb"
        given = self.executed / f"{name}.yaml"
        given.write_text(yaml.safe_dump(parameters), encoding="utf-8")
        command = [sys.executable, "-m", "papermill", str(REPOSITORY / "notebooks" / f"{name}.ipynb"), str(output)]
        command += ["--parameters_file", str(given), "--cwd", str(self.root), "--kernel", "python3"]
        environment = {key: value for key, value in os.environ.items() if key != "STEERING_OWNER"}
        environment |= {
            "PYTHONPATH": str(self.root / "workflow"),
            "HF_HUB_OFFLINE": "1",
            "XDG_CACHE_HOME": str(self.root / ".cache"),
            "IPYTHONDIR": str(self.root / ".ipython"),
        }
        subprocess.run(command, env=environment, capture_output=True, timeout=600, check=False)
        return nbformat.read(output, as_version=4)

    def shown(self, name: str, parameters: dict[str, Any]) -> str:
        """Run a notebook from top to bottom; everything that it showed, as one text."""
        executed = self.execute(name, parameters)
        assert _errors(executed) == []
        return _shown(executed)


def _outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def _errors(notebook: nbformat.NotebookNode) -> list[str]:
    return ["\n".join(output.traceback) for output in _outputs(notebook) if output.output_type == "error"]


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
    # By these the set-up cell knows that all is installed.
    for name in ("pyproject.toml", "requirements.lock", "requirements-model.lock"):
        shutil.copy(REPOSITORY / name, project.root)
    return Notebooks(project, tmp_path_factory.mktemp("executed"))


@pytest.fixture(scope="module")
def smoke(notebooks) -> tuple[Path, nbformat.NotebookNode]:
    """The run's folder of the executed smoke test, and the notebook."""
    executed = notebooks.execute("01_smoke_test", TINY | {"RUN_ID": "smoke", "LAYER": 1, "ALPHA": 1.0})
    assert _errors(executed) == []
    return notebooks.root / "results" / "of_test" / "smoke", executed


@pytest.fixture(scope="module")
def sweep(notebooks) -> tuple[Path, str]:
    """The run's folder of the executed sweep, and what the notebook showed."""
    shown = notebooks.shown("02_full_sweep", TINY | {"RUN_ID": "sweep", "LAYERS": [0, 1], "ALPHAS": [0.5]})
    return notebooks.root / "results" / "of_test" / "sweep", shown


def test_the_smoke_test_shows_a_table_six_examples_the_figure_and_the_page(smoke):
    run, executed = smoke
    shown = _shown(executed)
    settings = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert settings["experiment"]["output_dir"] == "results/of_test/smoke"
    # What CHANGES does not name is as in config.yaml.
    assert settings["generation"]["temperature"] == 0.7
    summary = pd.read_csv(run / "tables" / "summary.csv")
    assert sorted(summary["alpha"]) == [0.0, 1.0]
    assert set(summary["refusal_harm_test_n"]) == {4}
    examples = (run / "six_examples.md").read_text(encoding="utf-8")
    assert examples.count("Prompt:") == 6
    # Two of each harmful split are folded.
    assert examples.count("<details>") == 4
    assert examples in shown
    assert "refusal_harm_test_low" in shown
    assert "results/of_test/smoke" in shown
    assert "transformer-lens 4" in shown
    page = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert html.escape(page[page.index("<title>") :]) in shown
    assert re.findall(r'href="([^"]*)" download>smoke.zip<', shown) == ["results/of_test/smoke.zip"]
    with zipfile.ZipFile(run.with_suffix(".zip")) as archive:
        assert archive.read("smoke/report/index.html").decode() == page
    (image,) = [output for output in _outputs(executed) if "image/png" in output.get("data", {})]
    assert base64.b64decode(image.data["image/png"]) == (run / "figures" / "tradeoff.png").read_bytes()


def test_a_run_shows_one_line_of_progress_and_nothing_else(smoke):
    _, executed = smoke
    (cell,) = [cell for cell in executed.cells if "run_study(CONFIG" in cell.source]
    (line,) = cell.outputs
    assert re.fullmatch(r"finished after \d+:\d\d", line.data["text/plain"])


def test_other_settings_do_not_land_in_the_folder_of_a_run(notebooks, smoke):
    run, _ = smoke
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    executed = notebooks.execute("01_smoke_test", TINY | {"RUN_ID": "smoke", "LAYER": 1, "ALPHA": 0.5})
    (error,) = _errors(executed)
    assert error.startswith(
        "the folder holds a run with other settings: experiment.alphas.add ([1.0] there, [0.5] here), "
        "sanity_checks.alpha (1.0 there, 0.5 here)\n  where: results/of_test/smoke\n  to do: choose another RUN_ID"
    )
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_an_error_of_a_job_is_shown_whole_and_then_one_message(notebooks):
    broken = {"MODEL": TINY["MODEL"] | {"source": "broken"}, "RUN_ID": "broken", "LAYER": 1, "ALPHA": 1.0}
    shutil.copytree(notebooks.root / "model", notebooks.root / "broken")
    (notebooks.root / "broken" / "model.safetensors").write_bytes(b"no weights")
    executed = notebooks.execute("01_smoke_test", TINY | broken)
    (error,) = _errors(executed)
    assert error == (
        "the run failed; the output above says why\n"
        "  where: results/of_test/broken/config.yaml\n"
        "  to do: run this cell again: the run resumes"
    )
    (cell,) = [cell for cell in executed.cells if "run_study(CONFIG" in cell.source]
    said = "".join(output.get("text", "") for output in cell.outputs)
    assert "Error in rule " in said
    # The log of the job, which names the cause.
    assert "broken" in said.partition("Logfile ")[2]


def test_the_sweep_leaves_directions_figures_and_claims(sweep):
    run, shown = sweep
    assert load_direction(run / "directions" / "contrastive_prefix" / "layer_0.pt").statistics["layer"] == 0
    summary = pd.read_csv(run / "tables" / "summary.csv")
    assert sorted(zip(summary["layer"], summary["alpha"], strict=True)) == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5)]
    assert {path.stem for path in (run / "figures").glob("*.png")} == set(FIGURES)
    assert "<iframe" in shown
    assert "verdict" in shown
    assert '"weights_sha256"' in shown


def test_the_analysis_makes_figures_and_examples_of_the_sweep(notebooks, sweep):
    run, _ = sweep
    given = {"RESULTS": "results/of_test/sweep/results.parquet", "RUN_ID": "analysis", "EXAMPLES": 2}
    shown = notebooks.shown("03_analysis", TINY | given)
    made = notebooks.root / "results" / "of_test" / "analysis"
    assert not (made / "run").exists()
    assert {path.stem for path in (made / "figures").glob("*.png")} == set(FIGURES)
    assert (made / "summary.csv").read_bytes() == (run / "tables" / "summary.csv").read_bytes()
    examples = (made / "examples.md").read_text(encoding="utf-8")
    assert examples.startswith("# Examples: tiny\n")
    assert examples.count("Prompt:") == 6
    assert examples in shown
    assert "on_pareto" in shown
    assert "<iframe" in shown


@pytest.mark.slow
def test_without_a_run_the_analysis_makes_a_small_one(notebooks):
    given = {"RUN_ID": "alone", "LAYER": 1, "ALPHA": 1.0, "EXAMPLES": 1}
    shown = notebooks.shown("03_analysis", TINY | given)
    made = notebooks.root / "results" / "of_test" / "alone"
    assert (made / "run" / "results.parquet").is_file()
    assert (made / "summary.csv").read_bytes() == (made / "run" / "tables" / "summary.csv").read_bytes()
    assert "<iframe" in shown


def test_a_results_file_that_is_not_there_is_one_message(notebooks):
    (error,) = _errors(notebooks.execute("03_analysis", TINY | {"RESULTS": "results/of_test/no/results.parquet"}))
    assert "results/of_test/no/results.parquet" in error
    assert "  to do: " in error
    assert "Traceback" not in error
