import numpy as np
import pytest
from steering_reliability.figures.gap import draw_gap, headline_gap


def test_the_gap_of_effects_is_that_of_unseen_prompts_where_there_are_any(summary, panel, of_marker):
    # With values that no other column has.
    marked = summary.assign(effect_gap_unseen=0.21, effect_gap_unseen_low=0.11, effect_gap_unseen_high=0.31)
    bare = summary.assign(**{f"effect_gap_unseen{part}": np.nan for part in ("", "_low", "_high")})
    study = bare[(bare["role"] == "main") & (bare["intervention"] == "add") & (bare["layer"] == "14")]
    for table, name, expected, words in (
        (marked, "effect_gap_unseen", 0.21, "did not build the direction"),
        (bare, "effect_gap", study.sort_values("alpha")["effect_gap"].to_numpy(), "all harm_train prompts"),
    ):
        assert headline_gap(table) == name
        figure = draw_gap(table, title="x")
        assert of_marker(panel(figure, "add at layer 14"), "s")[0].get_ydata() == pytest.approx(expected)
        assert words in figure.get_supxlabel()
