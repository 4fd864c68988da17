import json

import pandas as pd
import pytest
from steering_reliability.evidence.run_comparison import (
    AXES,
    COMPARE_COLUMNS,
    Run,
    Setting,
    compare_runs,
    setting_differences,
    setting_of,
)
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.comparison import draw_comparison
from steering_reliability.results.aggregate import write_results
from steering_reliability.results.schema import SPLITS
from synthetic_run import finish_run, tiny_results

MEASURED = ("refusal_effect_harm_test", "helpfulness_drop")
ASKED = Setting({split: frozenset({"a", "b"}) for split in SPLITS}, 40, "phrase rules")


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("compare_runs")


@pytest.fixture(scope="module")
def table():
    summary = summarise(tiny_results())
    return compare_runs({"small": Run("org/gpt2", 12, summary, ASKED), "deep": Run("smollm2", 30, summary, ASKED)})


def test_depth_is_the_share_of_the_blocks_up_to_the_steered_one(table):
    assert list(table.columns) == COMPARE_COLUMNS
    for n_layers, points in table.groupby("n_layers"):
        assert points["depth"].tolist() == pytest.approx([(int(layer) + 1) / n_layers for layer in points["layer"]])


def test_only_the_steered_points_of_the_study_are_compared(table):
    summary = summarise(tiny_results())
    steered = summary[(summary["role"] == "main") & ~summary["from_baseline"].astype(bool)]
    assert len(table) == 2 * len(steered) > 0
    one = table[table["run"] == "deep"].set_index(["intervention", "layer", "alpha"]).sort_index()
    expected = (
        steered.assign(layer=steered["layer"].astype(str)).set_index(["intervention", "layer", "alpha"]).sort_index()
    )
    for name in ("relative_strength", "first_token_kl_benign", "refusal_effect_harm_test", "helpfulness_drop_low"):
        pd.testing.assert_series_equal(one[name], expected[name])


@pytest.mark.parametrize("axis", AXES)
def test_every_run_has_a_line_in_the_column_of_its_depth(table, axis):
    layers = {"small": "3", "deep": "28"}
    placed = table.assign(layer=table["run"].map(layers))
    placed["depth"] = (placed["layer"].astype(int) + 1) / placed["n_layers"]
    figure = draw_comparison(placed, intervention="add", axis=axis)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["first third of the blocks", "last third", "", ""]
    assert [text.get_text().split("\n")[0] for text in figure.axes[1].get_legend().get_texts()] == ["deep", "small"]
    assert figure.axes[2].get_xlabel() == AXES[axis]


def test_points_lie_at_the_kl_of_the_prompts_that_a_measure_is_of():
    rows = [
        {"run": "a", "model": "m", "n_layers": 30, "direction": "d", "intervention": "add", "layer": "14", "depth": 0.5}
        | {"alpha": alpha, "relative_strength": alpha, "refusal_harm_test_n": 40}
        | {"first_token_kl_harm_test": 2 * alpha**2, "first_token_kl_benign": 3 * alpha**2}
        | dict.fromkeys([f"{name}{part}" for name in MEASURED for part in ("", "_low", "_high")], 0.1)
        for alpha in (0.5, -1.0, 1.0, -0.5)
    ]
    figure = draw_comparison(pd.DataFrame(rows), intervention="add", axis="first_token_kl")
    # From the weakest on; alphas below 0 have a line of their own.
    curves = [
        [line.get_xdata().tolist() for line in axes.get_lines() if line.get_marker() == "o"] for axes in figure.axes
    ]
    assert curves == [[[0.5, 2.0], [0.5, 2.0]], [[0.75, 3.0], [0.75, 3.0]]]
    figure = draw_comparison(pd.DataFrame(rows), intervention="add", axis="relative_strength")
    whole = [line.get_xdata().tolist() for line in figure.axes[0].get_lines() if line.get_marker() == "o"]
    assert whole == [[-1.0, -0.5, 0.5, 1.0]]


def test_the_methods_of_one_run_are_lines_beside_each_other():
    summary = summarise(tiny_results())
    method = summary.assign(direction="lda", role="method")
    found = compare_runs({"one": Run("m", 30, pd.concat([summary, method], ignore_index=True), ASKED)})
    assert found["direction"].unique().tolist() == ["contrastive_prefix", "lda"]
    figure = draw_comparison(found, intervention="add", axis="first_token_kl")
    assert {text.get_text() for text in figure.axes[0].texts} == {"L14 contrastive_prefix", "L14 lda"}


def test_a_run_without_kl_is_compared_by_strength(script, tmp_path):
    results = tiny_results().assign(first_token_kl=float("nan"))
    folder = tmp_path / "runs/old"
    finish_run(folder, model={"name": "old", "n_layers": 12})
    write_results(results.to_dict("records"), folder / "results.parquet")
    out = tmp_path / "out"
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(out)]) == 0
    assert {path.name for path in out.glob("*.png")} == {"compare_add.png"}
    page = (out / "index.html").read_text()
    assert "by relative strength</h2>" in page and "by first-token KL</h2>" not in page


def test_a_set_lies_where_its_middle_block_does_and_all_layers_lie_nowhere():
    summary = pd.concat([summarise(tiny_results().assign(layer=name)) for name in ("all", "10-13", "10", "2")])
    table = compare_runs({"one": Run("smollm2", 12, summary, ASKED)})
    assert list(table["layer"].unique()) == ["2", "10", "10-13", "all"]
    depth = table.drop_duplicates("layer")["depth"].tolist()
    assert depth[:3] == pytest.approx([3 / 12, 11 / 12, 12 / 12])
    assert pd.isna(depth[3])
    figure = draw_comparison(table, intervention="add", axis="first_token_kl")
    titles = [axes.get_title(loc="left") for axes in figure.axes[:3]]
    assert titles == ["first third of the blocks", "last third", "all layers"]
    assert [text.get_text() for axes in figure.axes[:3] for text in axes.texts] == ["L2", "L10", "L10-13", "all layers"]


def test_the_command_writes_a_table_and_a_figure_per_intervention(script, tmp_path, capsys):
    for name, n_layers in (("one", 12), ("two", 30)):
        finish_run(tmp_path / "runs" / name, model={"name": name, "n_layers": n_layers})
    out = tmp_path / "out"
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(out)]) == 0
    interventions = sorted(tiny_results().query("role == 'main'")["intervention"].unique())
    names = [f"compare_{name}{axis}" for name in interventions for axis in ("", "_by_kl")]
    drawn = {f"{name}.{suffix}" for name in names for suffix in ("pdf", "png", "svg")}
    assert {path.name for path in out.iterdir()} == {"compare.csv", "index.html"} | drawn
    assert "2 runs" in capsys.readouterr().out


def test_a_run_that_does_not_say_its_depth_is_named(script, tmp_path, capsys):
    finish_run(tmp_path / "runs" / "old", model={"name": "old"})
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert "how many blocks" in error and "old/provenance.json" in error and "Traceback" not in error


def test_what_runs_were_not_asked_alike_is_said_by_name():
    other = Setting(ASKED.prompts | {"harm_test": frozenset({"b", "c", "d"})}, 80, "my_metric.py:score")
    unknown = Setting(ASKED.prompts, None, "phrase rules")
    assert list(setting_differences({"small": ASKED, "big": other, "old": unknown})) == [
        "prompts of harm_test: 3 (big), 2 (old, small); 1 in all",
        "most new tokens: 80 (big), not recorded (old), 40 (small)",
        "metric: my_metric.py:score (big), phrase rules (old, small)",
    ]
    assert list(setting_differences({"a": ASKED, "b": ASKED})) == []
    assert other.prompts_digest != ASKED.prompts_digest == unknown.prompts_digest


def test_the_command_says_it_in_table_page_and_terminal(script, tmp_path, capsys):
    for name, new_tokens, scorer in (("one", 40, None), ("two", 80, "my.py:score")):
        folder = tmp_path / "runs" / name
        finish_run(folder, model={"name": name, "n_layers": 12})
        facts = json.loads((folder / "provenance.json").read_text())
        config = {"generation": {"max_new_tokens": new_tokens}, "metrics": {"scorer": scorer}}
        (folder / "provenance.json").write_text(json.dumps(facts | {"config": config}))
    assert script.main(["--runs_dir", str(tmp_path / "runs"), "--out_dir", str(tmp_path / "out")]) == 0
    said, page = capsys.readouterr().out, (tmp_path / "out/index.html").read_text()
    for line in ("most new tokens: 40 (one), 80 (two)", "metric: phrase rules (one), my.py:score (two)"):
        assert f"the runs were not asked the same: {line}" in said
        assert f"<li>{line}</li>" in page
    assert "prompts of" not in said
    table = pd.read_csv(tmp_path / "out/compare.csv")
    assert table.groupby("run")["max_new_tokens"].unique().map(list).to_dict() == {"one": [40], "two": [80]}
    assert table["prompts"].nunique() == 1
    assert setting_of(tmp_path / "runs/one").prompts["benign"] == set(tiny_results().query("split == 'benign'").prompt)
