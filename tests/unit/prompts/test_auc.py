import math

import pytest
from steering_reliability.prompts.auc import auc_interval


def standard_error(area, n_a, n_b):
    n = (n_a + n_b) / 2 - 1
    return math.sqrt(area * (1 - area) / (n_a * n_b) * (1 + n * (1 - area) / (2 - area) + n * area / (1 + area)))


def test_the_ends_are_where_the_observed_area_is_just_rejected():
    low, high = auc_interval(0.8, n_a=30, n_b=50)
    assert (0.8 - low) / standard_error(low, 30, 50) == pytest.approx(1.96, abs=1e-3)
    assert (high - 0.8) / standard_error(high, 30, 50) == pytest.approx(1.96, abs=1e-3)


def test_a_perfect_area_keeps_an_interval_and_it_is_mirrored_at_zero():
    low, high = auc_interval(1.0, n_a=20, n_b=20)
    assert 0.8 < low < 0.95
    assert high == pytest.approx(1.0)
    assert auc_interval(0.0, n_a=20, n_b=20) == pytest.approx((0.0, 1 - low))


def test_more_cases_narrow_it():
    narrow, wide = auc_interval(0.7, n_a=200, n_b=200), auc_interval(0.7, n_a=20, n_b=20)
    assert wide[0] < narrow[0] < 0.7 < narrow[1] < wide[1]
