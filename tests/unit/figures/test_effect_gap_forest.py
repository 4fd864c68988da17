import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.grid_tests import GAP_COLUMNS
from steering_reliability.figures.effect_gap_forest import draw_effect_gap_forest

CLEAR = "#D55E00"


def table_of(rows):
    """Return a table of gap tests from (layer, alpha, prompts, gap, low, high, p_corrected)."""
    shared = {"role": "main", "direction": "v", "intervention": "add", "seed": 0, "n_test": 60, "p": 0.5}
    names = ("layer", "alpha", "prompts", "effect_gap", "low", "high", "p_corrected")
    table = [
        shared | dict(zip(names, row, strict=True)) | {"n_train": 30 if row[2] == "unseen" else 60} for row in rows
    ]
    clean = pd.DataFrame(table, columns=[*GAP_COLUMNS, "p_corrected"]).assign(outcome="clean_refusal")
    # Of the same points by another count of refusals, which the figure leaves out.
    return pd.concat([clean, clean.assign(outcome="refusal", effect_gap=0.9)], ignore_index=True)


SMALL = table_of(
    [
        ("3", 0.2, "unseen", 0.25, 0.05, 0.45, 0.01),
        ("3", 0.2, "all", 0.10, -0.05, 0.25, 0.30),
        ("3", 0.4, "unseen", -0.10, -0.30, 0.10, 0.60),
        ("3", 0.4, "all", 0.30, 0.20, 0.40, 0.05),
    ]
)


@pytest.fixture(scope="module")
def axes():
    return draw_effect_gap_forest(SMALL, title="x").axes[0]


def test_headline_is_filled_and_all_prompts_are_hollow(axes, of_marker):
    assert [line.get_xdata()[0] for line in of_marker(axes, "o")] == [0.25, -0.10]
    assert [line.get_xdata()[0] for line in of_marker(axes, "s")] == [0.10, 0.30]
    assert {line.get_markerfacecolor() for line in of_marker(axes, "s")} == {"white"}
    assert "white" not in {line.get_markerfacecolor() for line in of_marker(axes, "o")}


def test_intervals_are_inside_around_zero_and_those_of_small_p_stand_out(axes):
    bars = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] != line.get_xdata()[1]]
    drawn = {tuple(bar.get_xdata()): (bar.get_color(), bar.get_linewidth()) for bar in bars}
    assert {ends for ends, (colour, _) in drawn.items() if colour == CLEAR} == {(0.05, 0.45), (0.20, 0.40)}
    assert min(drawn[0.05, 0.45][1], drawn[0.20, 0.40][1]) > drawn[-0.05, 0.25][1]
    assert len(drawn) == 4
    assert axes.get_xlim() == pytest.approx((-1.08 * 0.45, 1.08 * 0.45))


def test_rows_are_grouped_by_curve(gaps, of_marker):
    axes = draw_effect_gap_forest(gaps, title="x").axes[0]
    groups = [text.get_text() for text in axes.texts if " at layer " in text.get_text()]
    assert groups == [f"{way} at layer {layer}" for way in ("add", "ablate") for layer in (10, 14, 18)]
    alphas = [label.get_text() for label in axes.get_yticklabels()]
    assert alphas[:7] == ["-0.4", "-0.2", "0.2", "0.3", "0.4", "0.6", "0.8"]
    assert len(of_marker(axes, "o")) == len(of_marker(axes, "s")) == 27


def test_many_points_are_broken_into_columns_of_like_length():
    rows = [(layer, alpha, "unseen", 0.1, 0.0, 0.2, 1.0) for layer in map(str, range(24)) for alpha in (0.2, 0.4, 0.8)]
    figure = draw_effect_gap_forest(table_of(rows), title="x")
    lengths = [len(axes.get_yticks()) for axes in figure.axes]
    assert sum(lengths) == 72
    assert len(lengths) == 3 and max(lengths) == min(lengths)


def test_missing_numbers_are_not_zero(of_marker):
    table = SMALL[SMALL["outcome"] == "clean_refusal"].assign(
        effect_gap=[np.nan, np.nan, 0.2, 0.3], low=[np.nan, np.nan, np.nan, 0.2], high=[np.nan, np.nan, np.nan, 0.4]
    )
    axes = draw_effect_gap_forest(table, title="x").axes[0]
    first, second = of_marker(axes, "o")
    assert np.isnan(first.get_xdata()[0])
    assert "30 (60) / 60: no data" in [text.get_text() for text in axes.texts]
    # A gap without an interval is a mark without a bar.
    assert second.get_xdata()[0] == 0.2
    ends = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert [pair for pair in ends if pair[0] < pair[1]] == [(0.2, 0.4)]
