"""The rank of the study among control directions, by hand."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.control_rank import ControlRank, control_ranks
from synthetic_run import completion


def rank(effect: float, controls: list[float], **changes) -> ControlRank:
    return ControlRank("random", {}, effect, tuple(controls), 20, **changes)


def test_nineteen_directions_that_all_do_less_give_one_in_twenty():
    found = rank(0.5, [0.0] * 18 + [0.45])
    assert found.p == pytest.approx(1 / 20)
    assert found.verdict == "stronger than random"
    assert found.sentence.startswith("None of 19 random directions of the same length moves refusal as far: +50 points")


@pytest.mark.parametrize("one", [0.5, -0.5, 0.7])
def test_one_that_does_as_much_either_way_is_enough_to_say_nothing(one):
    found = rank(0.5, [0.0] * 18 + [one])
    assert found.p == pytest.approx(2 / 20)
    assert found.verdict == "cannot tell"


def test_eighteen_directions_can_show_nothing():
    found = rank(1.0, [0.0] * 18)
    assert found.verdict == "cannot tell"
    assert "19 are needed" in found.sentence


def test_a_negative_effect_is_ranked_by_its_size():
    assert rank(-0.5, [0.1] * 19).verdict == "stronger than random"


def test_no_effect_is_never_stronger_than_random():
    assert rank(0.0, [0.0] * 19).p == 1.0


def test_several_points_pay_for_each_other_and_a_point_chosen_by_its_effect_is_no_test():
    assert rank(0.5, [0.0] * 19, n_points=2).verdict == "cannot tell"
    assert rank(0.5, [0.0] * 39, n_points=2).verdict == "stronger than random"
    chosen = rank(0.5, [0.0] * 19, n_points=0)
    assert chosen.verdict == "not a test"
    assert "this is no test" in chosen.sentence


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
    other = results.assign(layer=18)
    both = pd.concat([results, other])
    assert {found.n_points for found in control_ranks(both)} == {2}
    chosen = control_ranks(both)[1].point
    assert [found.n_points for found in control_ranks(both, chosen_by_effect=chosen)] == [1, 0]


def test_without_controls_there_is_no_rank():
    assert control_ranks(run({})) == []


def test_a_random_direction_is_stronger_than_random_in_at_most_one_report_of_twenty():
    rng = np.random.default_rng(0)
    shown = [rank(*_draw(rng)).verdict == "stronger than random" for _ in range(4000)]
    assert np.mean(shown) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def _draw(rng: np.random.Generator) -> tuple[float, list[float]]:
    effects = rng.binomial(20, 0.5, size=20) / 20 - 0.5
    return float(effects[0]), effects[1:].tolist()
