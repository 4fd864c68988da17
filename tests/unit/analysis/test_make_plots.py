import importlib.util
import json
from pathlib import Path

import pytest
from steering_reliability.analysis.plots import FIGURES
from steering_reliability.analysis.results_writer import ResultsWriter
from synthetic_run import tiny_results

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_plots.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_plots", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish_run(folder):
    folder.mkdir(parents=True)
    with ResultsWriter(folder / "results.parquet") as writer:
        writer.write(tiny_results().to_dict("records"))


def test_figures_are_drawn_per_run(script, tmp_path, capsys):
    finish_run(tmp_path / "runs" / "smollm2")
    (tmp_path / "runs" / "smollm2" / "provenance.json").write_text(json.dumps({"model": {"name": "SmolLM2"}}))
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out" / "smollm2").iterdir())) == 2 * len(FIGURES)
    assert "smollm2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["absent", "empty", "damaged"])
def test_bad_folders_are_one_message(script, tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "results.parquet").write_text("no")
    assert script.main(["--runs_dir", str(tmp_path / name), "--out_dir", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "where:" in error
    assert "to do:" in error
    assert "Traceback" not in error
