import pytest
from steering_reliability.figures.draw import FIGURES
from synthetic_run import finish_run


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("make_plots")


def test_figures_are_drawn_per_run(script, tmp_path, capsys):
    finish_run(tmp_path / "runs" / "smollm2", model={"name": "SmolLM2"})
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out" / "smollm2").iterdir())) == 3 * len(FIGURES)
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
