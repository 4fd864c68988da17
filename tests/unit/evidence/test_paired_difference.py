"""The difference of refusal between two conditions on the same prompts."""

import math

import pandas as pd
import pytest
from steering_reliability.evidence.paired_difference import PairedDifference, refusal_difference, select_point
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion, tiny_results


def arm(refusing, n=10, first=0):
    return pd.DataFrame([completion("harm_test", index, refused=index in refusing) for index in range(first, n)])


def test_pairs_by_prompt():
    found = refusal_difference(arm([0, 1, 2, 3]), arm([3, 4]))
    expected = newcombe_paired_interval(1, 3, 1, 5)
    assert (found.value, found.low, found.high) == pytest.approx(expected)
    assert found.n == 10
    # Only shared prompts count.
    assert refusal_difference(arm([8, 9]), arm([], first=8)).value == 1.0


def test_pairs_are_counted_by_cluster():
    first, second = (arm(refusing).assign(cluster=["a"] * 5 + ["b"] * 5) for refusing in ([0, 1, 2, 3], [3, 4]))
    found, expected = refusal_difference(first, second), clustered_difference(pairs((1, 3, 1, 0), (0, 0, 0, 5)))
    assert (found.value, found.low, found.high) == pytest.approx([float(part) for part in expected])
    assert found.n == 10


def pairs(*clusters):
    return PairedCounts(*(pd.DataFrame(clusters).astype(float)[cell].to_numpy() for cell in range(4)))


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


def test_words_are_points():
    assert str(PairedDifference(value=0.25, low=-0.05, high=0.5, n=9)) == "+25 points (95% interval -5 to +50)"


def test_select_point_takes_one_condition():
    point = {"role": "main", "direction": "contrastive_prefix", "intervention": "add", "layer": 14, "seed": 0}
    chosen = select_point(tiny_results(), split="benign", point={**point, "alpha": 0.4})
    assert chosen["id"].tolist() == ["benign_0000", "benign_0001", "benign_0002"]
    assert set(chosen["alpha"]) == {0.4}
