import numpy as np
import pytest
from steering_reliability.figures.gap import draw_gap, headline_gap


def drawn(figure, *, title, marker):
    axes = next(axes for axes in figure.axes if axes.get_title(loc="left") == title)
    return next(line.get_ydata() for line in axes.lines if line.get_marker() == marker)


def test_the_gap_of_effects_is_that_of_unseen_prompts(summary):
    # Of a run in which it is known, with values that no other column has.
    marked = summary.assign(effect_gap_unseen=0.21, effect_gap_unseen_low=0.11, effect_gap_unseen_high=0.31)
    assert headline_gap(marked) == "effect_gap_unseen"
    figure = draw_gap(marked, title="x")
    assert drawn(figure, title="add at layer 14", marker="s") == pytest.approx(0.21)
    assert "did not build the direction" in figure.get_supxlabel()


def test_without_unseen_prompts_it_is_that_of_all(summary):
    missing = {f"effect_gap_unseen{part}": np.nan for part in ("", "_low", "_high")}
    bare = summary.assign(**missing)
    assert headline_gap(bare) == "effect_gap"
    figure = draw_gap(bare, title="x")
    points = bare[(bare["role"] == "main") & (bare["intervention"] == "add") & (bare["layer"] == 14)]
    expected = points.sort_values("alpha")["effect_gap"].to_numpy()
    assert drawn(figure, title="add at layer 14", marker="s") == pytest.approx(expected)
    assert "all harm_train prompts" in figure.get_supxlabel()
