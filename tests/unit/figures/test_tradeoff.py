"""The trade-off's picture and its chart: one content, one orientation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.style import figure_style
from steering_reliability.figures.tradeoff import (
    COST,
    REFUSAL,
    UNSTEERED,
    draw_tradeoff,
    tradeoff_frontier,
    tradeoff_points,
    tradeoff_styles,
)
from steering_reliability.report.tradeoff_chart import tradeoff_chart
from synthetic_run import tiny_results

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def picture(summary):
    with figure_style():
        yield draw_tradeoff(summary, title="x")


@pytest.fixture(scope="module")
def chart(summary):
    return tradeoff_chart(summary)


def rows_of(chart) -> pd.DataFrame:
    (rows,) = chart["datasets"].values()
    return pd.DataFrame(rows)


def test_the_unsteered_model_is_one_point_of_its_own(summary):
    points = tradeoff_points(summary)
    (baseline,) = points[points["from_baseline"]].to_dict("records")
    assert (baseline["series"], baseline[COST], baseline["label"]) == (UNSTEERED, 0.0, "")
    assert set(points["role"]) == {"main", "random", "shuffled"}
    assert not points.loc[points["role"] != "main", "on_pareto"].any()
    # Of two interventions the second is hollow, and so is what was shuffled.
    assert set(points["fill"]) == {0.0, 1.0}
    hollow = points.query("fill == 0")
    assert set(zip(hollow["role"], hollow["intervention"], strict=True)) == {("main", "ablate"), ("shuffled", "add")}


def test_picture_and_chart_have_the_same_points_and_axes(summary, picture, chart):
    axes = picture.axes[0]
    drawn = [line.get_xydata()[0] for line in axes.lines if len(line.get_xdata()) == 1 and line.get_marker() != "x"]
    expected = tradeoff_points(summary)[[COST, REFUSAL]].to_numpy()
    assert np.allclose(drawn, expected)
    assert np.allclose(rows_of(chart)[[COST, REFUSAL]], expected)
    grounds, marks = [layer for layer in chart["layer"] if "shape" in layer["encoding"]]
    assert all(grounds["encoding"][name] == marks["encoding"][name] for name in ("x", "y", "shape"))
    x, y = marks["encoding"]["x"], marks["encoding"]["y"]
    assert (" ".join(x["title"]), y["title"]) == (axes.get_xlabel(), axes.get_ylabel())
    assert x["scale"]["domain"] == pytest.approx(axes.get_xlim())
    assert y["scale"]["domain"] == pytest.approx(axes.get_ylim())


def test_picture_and_chart_have_the_same_legend_and_names(summary, picture, chart):
    points = tradeoff_points(summary)
    *_, marks = [layer for layer in chart["layer"] if "shape" in layer["encoding"]]
    shown = marks["encoding"]["shape"]["scale"]["domain"]
    written = [text.get_text().replace("\n", " ") for text in picture.axes[0].get_legend().get_texts()]
    assert set(written) - set(shown) <= {"add", "ablate"}
    assert shown[: len(tradeoff_styles(points))] == ["layer 10", "layer 14", "layer 18", *shown[3:6]]
    named = [text for text in tradeoff_frontier(points)["label"] if text]
    assert sorted(rows_of(chart).query("label != ''")["label"]) == sorted(named)
    assert {text.get_text() for text in picture.axes[0].texts} <= set(named)
    placed = rows_of(chart).dropna(subset=["label_x"])
    assert len(placed) >= 0.7 * len(named)


def test_a_missing_interval_has_no_mark_and_no_number():
    chart = tradeoff_chart(summarise(tiny_results().assign(cluster="one")))
    assert rows_of(chart)[f"{COST}_low"].isna().all()
