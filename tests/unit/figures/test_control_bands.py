"""Every figure of the study shows what random directions of the same length do there."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.figures.controls import control_points, random_band
from steering_reliability.figures.effect_gap_forest import draw_effect_gap_forest
from steering_reliability.figures.heatmap import draw_heatmap
from steering_reliability.figures.steerability import draw_steerability

HEATMAP = {"rate": "refusal_harm_test", "heading": "x", "reading": "x", "title": "x"}


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
    controls = control_points(summary)
    low, high = random_band(controls, "refusal_harm_test")
    figure = draw_heatmap(summary, **HEATMAP)
    marked = [text.get_text() for axes in figure.axes for text in axes.texts if "◆" in text.get_text()]
    points = controls[controls["role"] == "random"][["intervention", "layer", "alpha", "seed"]].drop_duplicates()
    assert marked == [f"◆ {100 * low:.0f}–{100 * high:.0f}"] * len(points)
    assert "◆" in figure.get_supxlabel()


def test_without_controls_no_figure_speaks_of_them(gaps, summary):
    study = summary[summary["role"] == "main"]
    assert "◆" not in draw_heatmap(study, **HEATMAP).get_supxlabel()
    forest = draw_effect_gap_forest(gaps, title="x", controls=control_points(study))
    assert "random" not in forest.get_supxlabel()


def test_the_forest_has_the_band_behind_its_points(gaps, summary):
    controls = control_points(summary)
    axes = draw_effect_gap_forest(gaps, title="x", controls=controls).axes[0]
    expected = random_band(controls, "effect_gap_unseen") or random_band(controls, "effect_gap")
    bands = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [(band.get_x(), band.get_x() + band.get_width()) for band in bands] == [pytest.approx(expected)]
    low, high = axes.get_xlim()
    assert low < expected[0] < expected[1] < high


def test_the_steerability_plot_has_the_band_at_the_controls_layer(results):
    prompts, table = prompt_steerability(results), steerability_table(results)
    figure = draw_steerability(prompts, steerability=table, title="x")
    random = table[(table["role"] == "random") & (table["split"] == "harm_test")]
    assert len(random)
    expected = random_band(random, "slope")
    drawn = {}
    for axes in figure.axes:
        dark = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_alpha() == 0.45]
        drawn[axes.get_title(loc="left")] = [(band.get_y(), band.get_y() + band.get_height()) for band in dark]
    layer = random["layer"].iloc[0]
    assert drawn[f"harm_test, layer {layer}"] == [pytest.approx(expected)]
    assert {title for title, bands in drawn.items() if bands} == {
        f"{split}, layer {layer}" for split in ("harm_train", "harm_test", "benign")
    }
