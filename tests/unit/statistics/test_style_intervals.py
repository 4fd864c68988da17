"""Intervals for other styles: each style is one observation."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind
from steering_reliability.statistics.cluster_intervals import PairedCounts
from steering_reliability.statistics.intervals import Estimate
from steering_reliability.statistics.style_intervals import at_least_as_wide, change_over_styles, gap_over_styles


def pairs(*styles):
    """Build counts of (prompts that begin to refuse, prompts that stop, prompts) per style; the rest never refuse."""
    begin, stop, size = np.array(styles, dtype=float).reshape(-1, 3).T
    return PairedCounts(np.zeros(len(begin)), begin, stop, size - begin - stop)


def changes(*parts, of=20):
    return pairs(*((part, 0, of) for part in parts))


def test_three_styles_by_hand():
    # Changes 0.2, 0.4, 0.6: mean 0.4, standard error 0.2 / sqrt 3; Student's quantile with 2 degrees is 4.302653.
    half = 4.302653 * 0.2 / math.sqrt(3)
    assert change_over_styles(changes(4, 8, 12)) == pytest.approx((0.4, 0.4 - half, 0.4 + half), rel=1e-6)
    # Every style counts once however many its prompts, and an absent one not at all.
    other = change_over_styles(pairs((1, 0, 5), (40, 0, 100), (0, 0, 0), (7, 1, 10)))
    assert other == pytest.approx(tuple(change_over_styles(changes(4, 8, 12))))


def test_an_interval_stays_where_a_difference_of_rates_can_be():
    # 0.5 and 1.0: the half width is 12.7 * 0.25.
    assert change_over_styles(changes(10, 20)) == pytest.approx((0.75, -1.0, 1.0))
    assert gap_over_styles(changes(10, 20), second=changes(0, 2)) == pytest.approx((0.7, -2.0, 2.0))


@pytest.mark.parametrize("styles", [(), (6,)])
def test_fewer_than_two_styles_are_missing(styles):
    assert np.isnan(change_over_styles(changes(*styles))).all()
    for first, second in ((changes(*styles), changes(4, 8)), (changes(4, 8), changes(*styles))):
        assert np.isnan(gap_over_styles(first, second=second)).all()


def test_the_gap_is_welchs():
    first, second = (5, 8, 9, 4), (1, 2, 6)
    welch = ttest_ind(np.array(first) / 20, np.array(second) / 20, equal_var=False).confidence_interval()
    found = gap_over_styles(changes(*first), second=changes(*second))
    assert found == pytest.approx((6.5 / 20 - 3 / 20, welch.low, welch.high))


def test_styles_that_all_changed_alike_have_no_width():
    alike = changes(4, 4, 4)
    assert change_over_styles(alike) == pytest.approx((0.2, 0.2, 0.2))
    assert gap_over_styles(alike, second=changes(2, 2)) == pytest.approx((0.1, 0.1, 0.1))


@pytest.mark.parametrize(
    ("styles", "prompts", "expected"),
    [
        ((0.1, 0.3), (0.0, 0.2), (0.0, 0.3)),
        ((0.1, 0.3), (0.15, 0.2), (0.1, 0.3)),
        ((0.2, 0.2), (0.0, 0.4), (0.0, 0.4)),
        ((0.1, 0.3), (np.nan, np.nan), (0.1, 0.3)),
        ((np.nan, np.nan), (0.0, 0.4), (np.nan, np.nan)),
    ],
)
def test_an_interval_for_other_styles_holds_the_one_for_other_prompts(styles, prompts, expected):
    found = at_least_as_wide(
        Estimate(np.array(0.2), *map(np.array, styles)), prompts=Estimate(np.array(0.19), *map(np.array, prompts))
    )
    assert found == pytest.approx((0.2, *expected), nan_ok=True)
