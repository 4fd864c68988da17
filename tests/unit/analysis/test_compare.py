import pandas as pd
import pytest
from steering_reliability.analysis.compare import COMPARE_COLUMNS, Run, compare_runs, third_of
from steering_reliability.analysis.figures.comparison import draw_comparison
from steering_reliability.analysis.summary import summarise
from synthetic_run import finish_run, tiny_results


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("compare_runs")


@pytest.fixture(scope="module")
def table():
    summary = summarise(tiny_results())
    return compare_runs({"small": Run("org/gpt2", 12, summary), "deep": Run("smollm2", 30, summary)})


def test_depth_is_the_share_of_the_blocks_up_to_the_steered_one(table):
    assert list(table.columns) == COMPARE_COLUMNS
    for n_layers, points in table.groupby("n_layers"):
        assert points["depth"].tolist() == pytest.approx([(layer + 1) / n_layers for layer in points["layer"]])


def test_only_the_steered_points_of_the_study_are_compared(table):
    summary = summarise(tiny_results())
    steered = summary[(summary["role"] == "main") & ~summary["from_baseline"].astype(bool)]
    assert len(table) == 2 * len(steered) > 0
    one = table[table["run"] == "deep"].set_index(["intervention", "layer", "alpha"]).sort_index()
    expected = steered.set_index(["intervention", "layer", "alpha"]).sort_index()
    for name in ("relative_strength", "refusal_effect_harm_test", "helpfulness_drop_low"):
        pd.testing.assert_series_equal(one[name], expected[name])


@pytest.mark.parametrize(("layer", "third"), [(0, 0), (3, 0), (4, 1), (7, 1), (8, 2), (11, 2)])
def test_twelve_blocks_fall_into_thirds_of_four(layer, third):
    assert third_of(pd.Series([(layer + 1) / 12])).tolist() == [third]


def test_every_run_has_a_line_in_the_column_of_its_depth(table):
    layers = {"small": 3, "deep": 28}
    placed = table.assign(layer=table["run"].map(layers))
    placed["depth"] = (placed["layer"] + 1) / placed["n_layers"]
    figure = draw_comparison(placed, intervention="add")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["first third of the blocks", "last third", "", ""]
    assert [text.get_text().split("\n")[0] for text in figure.axes[1].get_legend().get_texts()] == ["deep", "small"]


def test_the_command_writes_a_table_and_a_figure_per_intervention(script, tmp_path, capsys):
    for name, n_layers in (("one", 12), ("two", 30)):
        finish_run(tmp_path / "runs" / name, model={"name": name, "n_layers": n_layers})
    out = tmp_path / "out"
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(out)]) == 0
    interventions = sorted(tiny_results().query("role == 'main'")["intervention"].unique())
    drawn = {f"compare_{name}.{suffix}" for name in interventions for suffix in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == {"compare.csv", "index.html"} | drawn
    assert "2 runs" in capsys.readouterr().out


def test_a_run_that_does_not_say_its_depth_is_named(script, tmp_path, capsys):
    finish_run(tmp_path / "runs" / "old", model={"name": "old"})
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "how many blocks" in error and "old/provenance.json" in error and "Traceback" not in error
