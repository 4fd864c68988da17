import numpy as np
import pytest
from steering_reliability.analysis.cluster_bootstrap import (
    ENOUGH_CLUSTERS,
    bootstrap_difference,
    bootstrap_effect_gap,
    bootstrap_rate,
)
from steering_reliability.analysis.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)


def pairs(*, first_only, neither):
    zero = np.zeros(len(first_only))
    return PairedCounts(zero, np.asarray(first_only, dtype=float), zero, np.asarray(neither, dtype=float))


def test_many_clusters_give_the_normal_interval():
    # 400 clusters of one unit, half of them successes: 1.96 * sqrt(0.25 / 400) = 0.049.
    value, low, high = bootstrap_rate(np.arange(400) % 2, sizes=1, seed=0)
    assert (value, low, high) == pytest.approx((0.5, 0.451, 0.549), abs=0.003)


def test_whole_clusters_are_drawn():
    # 100 clusters of four like units are 100 units, not 400: 1.984 * sqrt(0.25 / 99) = 0.0997.
    _, low, high = bootstrap_rate(4 * (np.arange(100) % 2), sizes=4, seed=0)
    assert (low, high) == pytest.approx((0.4003, 0.5997), abs=0.012)


def test_sizes_are_drawn_with_their_clusters():
    # All of the large clusters succeed: every resample's rate is one of (10 a) / (10 a + b).
    value, low, high = bootstrap_rate([10] * 10 + [0] * 10, sizes=[10] * 10 + [1] * 10, seed=0)
    assert value == pytest.approx(100 / 110)
    assert 0.7 < low < value < high < 1


def test_the_seed_decides_and_nothing_else():
    counts, once = np.arange(30) % 3, {"sizes": 2, "resamples": 2500}
    first = bootstrap_rate(counts, seed=1, **once)
    assert first == bootstrap_rate(counts, seed=1, **once)
    assert first == bootstrap_rate(counts, seed=np.random.default_rng(1), **once)
    assert first != bootstrap_rate(counts, seed=2, **once)


def test_equal_outcomes_do_not_collapse_the_interval():
    none = np.zeros(20)
    assert bootstrap_rate(none, sizes=3, seed=0) == clustered_rate(none, sizes=3)
    unchanged = pairs(first_only=none, neither=none + 3)
    assert bootstrap_difference(unchanged, seed=0) == clustered_difference(unchanged)
    changed = pairs(first_only=np.arange(20) % 3, neither=3 - np.arange(20) % 3)
    gap = bootstrap_effect_gap(changed, second=unchanged, seed=0)
    assert gap == clustered_effect_gap(changed, second=unchanged)


@pytest.mark.parametrize(("clusters", "is_closed"), [(ENOUGH_CLUSTERS - 1, True), (ENOUGH_CLUSTERS, False)])
def test_few_clusters_are_left_to_the_closed_form(clusters, is_closed):
    successes = np.arange(clusters) % 4
    assert (bootstrap_rate(successes, sizes=5, seed=0) == clustered_rate(successes, sizes=5)) is is_closed


def test_a_gap_of_effects_by_hand():
    # 200 clusters of one pair each: effects 1/2 and 1/4, standard error sqrt((1/4 + 3/16) / 200) = 0.0468.
    first = pairs(first_only=np.arange(200) % 2, neither=1 - np.arange(200) % 2)
    second = pairs(first_only=np.arange(200) % 4 == 0, neither=np.arange(200) % 4 != 0)
    value, low, high = bootstrap_effect_gap(first, second=second, seed=0)
    assert (value, low, high) == pytest.approx((0.25, 0.25 - 0.0925, 0.25 + 0.0925), abs=0.008)


def test_the_gap_and_the_difference_of_nothing_are_missing():
    nothing = PairedCounts(*np.zeros((4, 3, 0)))
    assert np.isnan(bootstrap_difference(nothing, seed=0)).all()
    some = PairedCounts(*np.ones((4, 3, 9)))
    assert np.isnan(bootstrap_effect_gap(some, second=nothing, seed=0)).all()
