import math
from itertools import pairwise

import pandas as pd
import pytest
from matplotlib.figure import Figure
from steering_reliability.figures.panels import (
    alpha_axis,
    label_line_ends,
    percent,
    sample_sizes,
    strength_title,
    strips,
    study_panels,
)
from steering_reliability.figures.style import series_styles


def test_strengths_are_to_scale_where_their_labels_fit_and_else_spread_evenly():
    assert alpha_axis([0.0, 0.5, 1.0]).positions == (0.0, 0.5, 1.0)
    assert alpha_axis([4.0, 0.0, 0.1, 0.2]).at(pd.Series([0.2, 0.0, 4.0])).tolist() == [2.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (0.4, "40%"), (-0.2, "-20%"), (0.0123, "1.2%"), (0.05, "5%"), (1.5, "150%"), (math.nan, "?")],
)
def test_percent(share, text):
    assert percent(share) == text


def heights(ends, **options):
    axes = Figure().subplots()
    axes.set_ylim(0, 1)
    label_line_ends(axes, ends, **options)
    return {text.get_text(): text.xy[1] for text in axes.texts}


def test_labels_keep_apart_in_order_above_the_floor_and_missing_ends_have_none():
    found = heights([(0.5, "a", "k"), (0.5, "b", "k"), (0.52, "c", "k"), (0.9, "d", "k")], distance=0.1)
    assert found["d"] == 0.9
    assert found["b"] - found["a"] == pytest.approx(0.1, abs=1e-6)
    assert found["c"] - found["b"] == pytest.approx(0.1, abs=1e-6)
    low = heights([(0.0, "a", "k"), (0.0, "b", "k"), (math.nan, "c", "k")], distance=0.1)
    assert low == {"a": 0.0, "b": pytest.approx(0.1)}


def test_every_series_differs_in_more_than_colour():
    for n in (1, 7, *range(8, 41)):
        styles = series_styles(n)
        assert len({style.colour for style in styles}) == n
        assert all(one.marker != other.marker for one, other in pairwise(styles))


def summary():
    keys = [("main", "add", "3", -0.5), ("main", "add", "3", 0.5), ("main", "ablate", "3", 1.0)]
    keys.append(("random", "add", "3", 0.5))
    return pd.DataFrame(
        [
            {"role": role, "direction": "v", "intervention": intervention, "layer": layer, "seed": 0, "alpha": alpha,
             "refusal_harm_train_n": 60, "refusal_harm_test_n": 60 if alpha > 0 else 50, "refusal_benign_n": 0}
            for role, intervention, layer, alpha in keys
        ]
    )  # fmt: skip


def test_panels_are_of_the_study_alone_and_adding_comes_first():
    assert [(panel.title, len(panel.points)) for panel in study_panels(summary())] == [
        ("add at layer 3", 2), ("ablate at layer 3", 1),
    ]  # fmt: skip


def test_panels_are_in_the_order_of_interventions_and_layers():
    table = pd.concat(
        [
            summary().assign(intervention=kind, layer=layer)
            for kind in ("clamp", "ablate_affine", "ablate", "add_keep_norm", "add")
            for layer in ("all", "10-12", "10", "2")
        ]
    )
    kinds = ("add", "add_keep_norm", "clamp", "ablate", "ablate_affine")
    places = ("layer 2", "layer 10", "layers 10-12", "all layers")
    assert [panel.title for panel in study_panels(table)] == [f"{kind} at {at}" for kind in kinds for at in places]


def test_one_strength_at_several_layers_is_a_strip():
    rows = [
        {"role": "main", "direction": "v", "intervention": kind, "layer": layer, "seed": 0, "alpha": alpha}
        for kind, alphas in (("add", (0.0, 0.2, 0.4)), ("ablate", (0.0, 1.0)))
        for layer in ("2", "10", "all")
        for alpha in alphas
    ]
    found = strips(study_panels(pd.DataFrame(rows)))
    assert [(panel.title, len(panel.points), panel.ticks) for panel in found] == [
        ("add at layer 2", 3, ()), ("add at layer 10", 3, ()), ("add at all layers", 3, ()),
        ("ablate, alpha 1, by layer", 4, ("none", "L2", "L10", "all layers")),
    ]  # fmt: skip
    assert found[-1].points["layer"].tolist()[1:] == ["2", "10", "all"]
    # At one layer there is nothing to put together, and two strengths have a curve.
    alone = pd.DataFrame([row for row in rows if row["layer"] == "2"])
    assert [panel.ticks for panel in strips(study_panels(alone))] == [(), ()]


def test_an_axis_says_what_its_alpha_is():
    assert strength_title("clamp", width=80) == "alpha, and below it the share of the residual norm"
    for kind in ("ablate", "ablate_affine"):
        assert strength_title(kind, width=80).startswith("alpha (share removed), and below it the share")
    assert max(map(len, strength_title("ablate", width=30).split("\n"))) <= 30


def test_sample_sizes_name_the_range_and_leave_out_what_is_not_there():
    assert sample_sizes(summary()) == "n = 60 harm_train, 50–60 harm_test"
