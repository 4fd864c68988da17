import math

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.standardisation import combine_rates, split_difference
from steering_reliability.statistics.intervals import newcombe_interval, weighted_mean_of_estimates, wilson_interval


def units(*cells):
    """Build units from (label, is it of the group, successes, n)."""
    return pd.DataFrame(
        [{"label": label, "ours": ours, "rate": float(index < k)} for label, ours, k, n in cells for index in range(n)]
    )


def split(*cells):
    return split_difference(units(*cells), value="rate", group="ours", cell="label")


def test_the_two_parts_by_hand():
    # Shared: a (10 + 30 units, 0.8 - 0.2) and b (20 + 20, 0.5 - 0.4), so 0.6 and 0.1 with equal weights.
    # Raw: (8 + 10 + 10) / 40 - (6 + 8) / 50 = 0.7 - 0.28, where c is only ours and refuses throughout.
    found = split(
        ("a", True, 8, 10), ("a", False, 6, 30), ("b", True, 10, 20), ("b", False, 8, 20), ("c", True, 10, 10)
    )
    assert found.within.value == pytest.approx(0.35)
    assert found.mix.value == pytest.approx(0.42 - 0.35)
    assert found.n == 80


def test_one_shared_cell_has_newcombes_interval_and_no_mix():
    found = split(("a", True, 8, 10), ("a", False, 6, 30))
    assert found.within == pytest.approx(newcombe_interval(8, 10, 6, 30))
    assert found.mix == pytest.approx((0, 0, 0))


def test_several_shared_cells_have_the_weighted_mean_of_newcombes_intervals():
    found = split(("a", True, 8, 10), ("a", False, 6, 30), ("b", True, 10, 20), ("b", False, 8, 20))
    strata = newcombe_interval([8, 10], [10, 20], [6, 8], [30, 20])
    assert np.array(found.within) == pytest.approx(np.array(weighted_mean_of_estimates(strata, weights=[40, 40])))


def test_no_shared_cell_is_missing():
    found = split(("a", True, 8, 10), ("b", False, 6, 30))
    assert np.isnan([*found.within, *found.mix]).all()
    assert found.n == 0


def test_units_without_a_label_belong_to_the_mix():
    found = split(("a", True, 8, 10), ("a", False, 6, 30), (None, True, 10, 10), (None, False, 0, 30))
    assert found.within.value == pytest.approx(0.6)
    assert found.mix.value == pytest.approx((18 / 20 - 6 / 60) - 0.6)
    assert found.n == 40


def test_a_combination_by_hand():
    # 0.5 - 2 * 0.2, each limit at the distance that its sign calls for.
    first, second = wilson_interval(5, 10), wilson_interval(2, 10)
    value, low, high = combine_rates([5, 2, 0], [10, 10, 0], coefficients=[1, -2, 0])
    assert value == pytest.approx(0.1)
    assert low == pytest.approx(0.1 - math.hypot(0.5 - first.low, 2 * (second.high - 0.2)))
    assert high == pytest.approx(0.1 + math.hypot(first.high - 0.5, 2 * (0.2 - second.low)))


def test_a_combination_with_an_empty_rate_is_missing():
    assert np.isnan(combine_rates([5, 0], [10, 0], coefficients=[1, -1])).all()
