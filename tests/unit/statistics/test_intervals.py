import math

import numpy as np
import pytest
from scipy.stats import binomtest
from steering_reliability.statistics.intervals import (
    Estimate,
    difference_of_estimates,
    newcombe_interval,
    newcombe_paired_interval,
    weighted_mean_of_estimates,
    wilson_interval,
)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 60), (3, 10), (30, 60), (10, 10), (199, 200)])
def test_wilson_agrees_with_scipy(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson_interval(k, n) == pytest.approx((k / n, expected.low, expected.high))


def test_wilson_is_exact_at_the_ends_and_missing_without_trials():
    rate, low, high = wilson_interval([0, 7, 0], [7, 7, 0])
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert np.isnan([rate[2], low[2], high[2]]).all()
    none = Estimate(np.array([]), np.array([]), np.array([]))
    for missing in (
        newcombe_interval(3, 5, 0, 0), newcombe_paired_interval(0, 0, 0, 0),
        weighted_mean_of_estimates(none, weights=[]),
    ):  # fmt: skip
        assert np.isnan(missing).all()


def test_newcombe_reproduces_the_paper():
    # Newcombe (1998), Stat Med 17, 873, Table II, 56/70 - 48/80, method 10.
    assert newcombe_interval(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_newcombe_paired_reproduces_the_paper():
    # Newcombe (1998), Stat Med 17, 2635, (36, 12, 2, 0), method 10.
    assert newcombe_paired_interval(36, 12, 2, 0) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_newcombe_paired_without_correlation_is_the_unpaired_one():
    # 4, 4, 4, 4: the two outcomes are independent, phi = 0.
    assert newcombe_paired_interval(4, 4, 4, 4) == pytest.approx(newcombe_interval(8, 16, 8, 16))


def test_every_interval_may_have_a_confidence_of_its_own():
    levels = [0.5, 0.95, 0.99]
    for interval, counts in ((wilson_interval, (3, 10)), (newcombe_paired_interval, (4, 3, 1, 9))):
        found = interval(*counts, confidence=levels)
        for place, level in enumerate(levels):
            one = interval(*counts, confidence=level)
            assert (found.low[place], found.high[place]) == pytest.approx((float(one.low), float(one.high)))
        assert np.all(np.diff(found.high - found.low) > 0)
    expected = binomtest(3, 10).proportion_ci(confidence_level=0.99, method="wilson")
    assert wilson_interval(3, 10, confidence=0.99)[1:] == pytest.approx((expected.low, expected.high))


def test_difference_of_estimates_by_hand():
    first, second = Estimate(0.5, 0.2, 0.9), Estimate(0.1, -0.2, 0.5)
    # 0.4 - hypot(0.3, 0.4) and 0.4 + hypot(0.4, 0.3).
    assert difference_of_estimates(first, second) == pytest.approx((0.4, -0.1, 0.9))


def test_weighted_mean_by_hand():
    strata = Estimate(np.array([0.2, 0.6]), np.array([0.0, 0.2]), np.array([0.4, 1.0]))
    # Weights 3/4 and 1/4: value 0.3, half width hypot(0.75 * 0.2, 0.25 * 0.4).
    half = math.hypot(0.15, 0.1)
    assert weighted_mean_of_estimates(strata, weights=[30, 10]) == pytest.approx((0.3, 0.3 - half, 0.3 + half))
