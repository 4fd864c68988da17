"""The rank of the study among control directions, by hand."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.control_rank import ControlRank, control_ranks
from synthetic_run import completion


def rank(effect: float, controls: list[float], **changes) -> ControlRank:
    return ControlRank("random", {}, effect, tuple(controls), 20, **changes)


@pytest.mark.parametrize(
    ("effect", "controls", "n_points", "p", "verdict", "words"),
    [
        (
            0.5,
            [0.0] * 18 + [0.45],
            1,
            1 / 20,
            "stronger than random",
            "None of 19 random directions of the same length",
        ),
        (-0.5, [0.1] * 19, 1, 1 / 20, "stronger than random", "None of 19"),
        # One that does as much, either way, is enough to say nothing.
        (0.5, [0.0] * 18 + [0.5], 1, 2 / 20, "cannot tell", "1 of 19"),
        (0.5, [0.0] * 18 + [-0.5], 1, 2 / 20, "cannot tell", "1 of 19"),
        (1.0, [0.0] * 18, 1, 1 / 19, "cannot tell", "At least 19 directions are needed for a significant rank."),
        (0.0, [0.0] * 19, 1, 1.0, "cannot tell", "19 of 19"),
        # Several points pay for each other; one that was chosen by its effect is no test.
        (
            0.5,
            [0.0] * 19,
            2,
            1 / 20,
            "cannot tell",
            "At least 39 directions are needed for a significant rank after correction for 2 points.",
        ),
        (0.5, [0.0] * 39, 2, 1 / 40, "stronger than random", "None of 39"),
        (0.5, [0.0] * 19, 0, 1 / 20, "not a test", "the rank is not a test"),
    ],
)
def test_the_rank_and_its_words(effect, controls, n_points, p, verdict, words):
    found = rank(effect, controls, n_points=n_points)
    assert (found.p, found.verdict) == (pytest.approx(p), verdict)
    assert words in found.sentence


def run(controls: dict[str, int], *, refusals: int = 12) -> pd.DataFrame:
    """A study of 20 prompts at one point, and controls on the first 10 of them."""
    rows = []
    for alpha, n in ((0.0, 2), (0.5, refusals)):
        rows += [completion("harm_test", i, refused=i < n, alpha=alpha) for i in range(20)]
    for name, n in controls.items():
        place = {"role": "random", "direction": name}
        for alpha, k in ((0.0, 2), (0.5, n)):
            rows += [completion("harm_test", i, refused=i < k, alpha=alpha) | place for i in range(10)]
    return pd.DataFrame(rows)


def test_effects_are_compared_on_the_prompts_that_all_directions_answered():
    (found,) = control_ranks(run({"random_0": 2, "random_1": 4}))
    # On the first ten prompts: 2 to 10 of 10 for the study, 0 and 2 of 10 for the controls.
    assert found.n_prompts == 10
    assert found.effect == pytest.approx(0.8)
    assert found.controls == pytest.approx((0.0, 0.2))
    assert found.lead == pytest.approx(0.7)


def test_refusals_in_repetitive_text_do_not_count():
    results = run({"random_0": 2})
    results.loc[(results["role"] == "main") & (results["alpha"] > 0), "is_repetitive"] = True
    (found,) = control_ranks(results)
    assert found.effect == pytest.approx(-0.2)


def test_the_points_of_a_kind_are_counted_but_for_the_one_chosen_by_its_effect():
    results = run({f"random_{i}": 2 for i in range(19)})
    other = results.assign(layer="18")
    both = pd.concat([results, other])
    assert {found.n_points for found in control_ranks(both)} == {2}
    chosen = control_ranks(both)[1].point
    assert [found.n_points for found in control_ranks(both, chosen_by_effect=chosen)] == [1, 0]


def test_a_random_direction_is_stronger_than_random_in_at_most_one_report_of_twenty():
    rng = np.random.default_rng(0)
    shown = [rank(*_draw(rng)).verdict == "stronger than random" for _ in range(4000)]
    assert np.mean(shown) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def _draw(rng: np.random.Generator) -> tuple[float, list[float]]:
    effects = rng.binomial(20, 0.5, size=20) / 20 - 0.5
    return float(effects[0]), effects[1:].tolist()
