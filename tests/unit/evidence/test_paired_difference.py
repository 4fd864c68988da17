"""The difference of refusal between two conditions on the same prompts."""

import math

import pandas as pd
import pytest
from steering_reliability.evidence.paired_difference import PairedDifference, refusal_difference
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion


def arm(refusing, n=10, first=0):
    return pd.DataFrame([completion("harm_test", index, refused=index in refusing) for index in range(first, n)])


def test_pairs_by_prompt():
    found = refusal_difference(arm([0, 1, 2, 3]), arm([3, 4]))
    expected = newcombe_paired_interval(1, 3, 1, 5)
    assert (found.value, found.low, found.high) == pytest.approx(expected)
    assert found.n == 10
    # Only shared prompts count.
    assert refusal_difference(arm([8, 9]), arm([], first=8)).value == 1.0


def test_prompts_of_one_template_have_a_difference_and_no_interval():
    found = refusal_difference(arm([0, 1, 2, 3]).assign(cluster="one"), arm([3, 4]))
    assert found.value == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert (found.sign, str(found)) == (0, "+20 points (no interval)")


def test_nothing_shared_is_missing():
    found = refusal_difference(arm([], n=3), arm([], first=5))
    assert math.isnan(found.value)
    assert (found.n, found.sign, str(found)) == (0, 0, "no data")


@pytest.mark.parametrize(("low", "high", "sign"), [(0.1, 0.3, 1), (-0.3, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.2, 0)])
def test_sign_needs_an_interval_without_zero(low, high, sign):
    assert PairedDifference(value=(low + high) / 2, low=low, high=high, n=10).sign == sign
