"""Every figure of the study shows what random and shuffled directions do there."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.summary import summarise
from steering_reliability.figures.controls import control_note, control_points, controls_of, random_band
from steering_reliability.figures.dose_response import draw_dose_response
from steering_reliability.figures.effect_gap_forest import draw_effect_gap_forest
from steering_reliability.figures.gap import draw_gap
from steering_reliability.figures.heatmap import draw_heatmap
from steering_reliability.figures.panels import strips, study_panels
from steering_reliability.results.schema import SPLITS
from synthetic_run import group

HEATMAP = {"rate": "refusal_harm_test", "heading": "x", "reading": "x", "title": "x"}


@pytest.fixture(scope="module")
def controls(summary):
    """Return a function that gives the controls of the panel with a title."""
    panels = {panel.title: panel for panel in study_panels(summary)}
    return lambda title="add at layer 14": controls_of(summary, panels[title])


def test_controls_are_of_their_own_panel_alone_and_steered(summary, controls):
    assert control_points(summary)["direction"].tolist() == ["random_1", "random_2", "shuffled_1", "shuffled_2"]
    assert len(controls()) == 4
    assert controls("add at layer 10").empty
    assert controls("ablate at layer 14").empty


@pytest.mark.parametrize("draw", [draw_dose_response, draw_gap])
def test_only_the_panel_of_their_layer_shows_them(summary, of_marker, draw):
    figure = draw(summary, title="x")
    shown = [axes.get_title(loc="left") for axes in figure.axes if of_marker(axes, "d") and of_marker(axes, "h")]
    assert shown == ["add at layer 14"]
    assert "random direction of the same length" in figure.get_supxlabel()


def test_a_strip_shows_them_at_their_layer_and_its_strength():
    run = partial(group, np.random.default_rng(0), intervention="ablate", sizes=dict.fromkeys(SPLITS, 12))
    study = {"role": "main", "direction": "contrastive_prefix", "alphas": [1.0]}
    rows = [row for layer in ("10", "14", "18") for row in run(**study, layer=layer)]
    for number, alpha in ((0, 1.0), (1, 0.5)):
        rows += run(role="random", direction=f"random_{number}", layer="14", alphas=[alpha])
    summary = summarise(pd.DataFrame(rows))
    (strip,) = strips(study_panels(summary))
    assert strip.ticks == ("none", "L10", "L14", "L18")
    found = controls_of(summary, strip)
    # The one at another strength has no place there.
    assert found[["direction", "layer", "alpha"]].to_numpy().tolist() == [["random_0", "14", 2.0]]
    (axes,) = draw_dose_response(summary, title="x").axes
    (mark,) = [line for line in axes.lines if line.get_marker() == "d"]
    assert 2.0 < mark.get_xdata()[0] < 2.5


def test_a_run_without_controls_says_nothing_of_them(summary, gaps):
    study = summary[summary["role"] == "main"]
    assert control_note(study, measured="x") == []
    forest = draw_effect_gap_forest(gaps, title="x", controls=control_points(study))
    for figure in (draw_gap(study, title="x"), draw_heatmap(study, **HEATMAP), forest):
        assert not {"controls", "random", "◆"} & set(figure.get_supxlabel().split())


def test_the_band_holds_every_interval_of_the_random_directions_alone():
    table = pd.DataFrame(
        {
            "role": ["random", "random", "shuffled", "random"],
            "rate": [0.2, 0.3, 0.9, np.nan],
            "rate_low": [0.1, 0.25, 0.8, np.nan],
            "rate_high": [0.3, 0.4, 0.95, np.nan],
        }
    )
    assert random_band(table, "rate") == (0.1, 0.4)
    assert random_band(table[table["role"] == "shuffled"], "rate") is None
    assert random_band(table.tail(1), "rate") is None


def test_a_cell_of_the_heatmap_names_the_band_where_there_is_one(summary):
    points = control_points(summary)
    low, high = random_band(points, "refusal_harm_test")
    figure = draw_heatmap(summary, **HEATMAP)
    marked = [text.get_text() for axes in figure.axes for text in axes.texts if "◆" in text.get_text()]
    places = points[points["role"] == "random"][["intervention", "layer", "alpha", "seed"]].drop_duplicates()
    assert marked == [f"◆ {100 * low:.0f}–{100 * high:.0f}"] * len(places)
    assert "◆" in figure.get_supxlabel()
