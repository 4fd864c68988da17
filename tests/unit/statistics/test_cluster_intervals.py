import numpy as np
import pytest
from scipy.stats import t as student
from steering_reliability.statistics.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.statistics.intervals import (
    difference_of_estimates,
    newcombe_paired_interval,
    wilson_interval,
)


def floats(estimate):
    return [float(part) for part in estimate]


def pairs(*clusters):
    """Build counts from (both, first only, second only, neither) per cluster."""
    return PairedCounts(*np.array(clusters, dtype=float).T)


ONE_EACH = pairs(*[(1, 0, 0, 0)] * 36, *[(0, 1, 0, 0)] * 12, *[(0, 0, 1, 0)] * 2)
ALIKE = pairs((0, 4, 0, 0), (0, 0, 0, 4), (0, 4, 0, 0), (0, 0, 0, 4), (0, 2, 0, 2), (0, 2, 0, 2))


def test_units_of_their_own_give_wilsons_interval():
    assert clustered_rate([1, 0, 0, 1, 1, 0, 0, 0], sizes=1) == pytest.approx(floats(wilson_interval(3, 8)))


def test_like_units_by_hand():
    # Rate 1/2; residuals 2, -2, 2, -2, 0, 0: variance 6/5 * 16/24^2 = 1/30 against (1/4)/23, so a design effect of
    # 46/15. Student's quantiles are 2.068658 (23) and 2.570582 (5).
    effective = 24 / (46 / 15) * (2.068658 / 2.570582) ** 2
    found = clustered_rate([4, 0, 4, 0, 2, 2], sizes=4)
    assert found == pytest.approx(floats(wilson_interval(effective / 2, effective)), rel=1e-6)


def test_a_design_effect_below_one_is_not_believed():
    # Residuals 1, -1, 0, 0 give 0.625. Student's quantiles are 2.131450 (15) and 3.182446 (3).
    effective = 16 * (2.131450 / 3.182446) ** 2
    found = clustered_rate([3, 1, 2, 2], sizes=4)
    assert found == pytest.approx(floats(wilson_interval(effective / 2, effective)), rel=1e-6)


@pytest.mark.parametrize(("successes", "counted"), [([0, 0, 0], 0), ([5, 5, 5], 3), ([0, 5, 0], 1), ([5, 5, 0], 2)])
def test_where_nothing_tells_how_alike_units_are_each_cluster_counts_once(successes, counted):
    found = clustered_rate(successes, sizes=5)
    assert found == pytest.approx(floats(wilson_interval(counted, 3)))
    assert 0 <= found.low <= found.high <= 1


def test_unequal_copies_count_as_kish_says():
    # Sizes 2 and 6: 8^2 / (4 + 36) = 1.6 clusters.
    assert clustered_rate([0, 0], sizes=[2, 6]) == pytest.approx(floats(wilson_interval(0, 1.6)))


def test_one_cluster_has_a_rate_but_no_interval_and_none_has_neither():
    value, low, high = clustered_rate([[3, 0], [0, 0]], sizes=[[10, 0], [0, 0]])
    assert value[0] == 0.3
    assert np.isnan([value[1], *low, *high]).all()


def test_absent_clusters_change_nothing():
    expected = floats(clustered_rate([3, 1, 2], sizes=[4, 4, 4]))
    assert clustered_rate([3, 1, 0, 2], sizes=[4, 4, 0, 4]) == pytest.approx(expected)


def test_pairs_of_their_own_give_newcombes_interval():
    assert clustered_difference(ONE_EACH) == pytest.approx(floats(newcombe_paired_interval(36, 12, 2, 0)))


def test_like_pairs_by_hand():
    # The second condition never succeeds, so the difference is the first's rate, with the design effect from above.
    scale = 15 / 46 * (2.068658 / 2.570582) ** 2
    found = clustered_difference(ALIKE)
    assert found == pytest.approx(floats(newcombe_paired_interval(0, 12 * scale, 0, 12 * scale)), rel=1e-5)


def test_pairs_that_never_differ_count_once_per_cluster():
    found = clustered_difference(pairs((0, 0, 0, 10), (0, 0, 0, 10), (0, 0, 0, 10)))
    assert found == pytest.approx(floats(newcombe_paired_interval(0, 0, 0, 3)))


def test_many_points_are_the_same_as_one_at_a_time():
    both = PairedCounts(*(np.stack([one, one[::-1]]) for one in ALIKE))
    assert np.asarray(clustered_difference(both))[:, 1] == pytest.approx(np.asarray(clustered_difference(ALIKE)))


def test_the_gap_of_effects_is_movers():
    found = clustered_effect_gap(ONE_EACH, second=ALIKE)
    assert found.value == pytest.approx(0.2 - 0.5)
    expected = difference_of_estimates(clustered_difference(ONE_EACH), clustered_difference(ALIKE))
    assert found == pytest.approx(floats(expected))


def test_every_point_may_have_a_confidence_of_its_own():
    levels = [0.5, 0.95, 0.999]
    thrice = PairedCounts(*(np.stack([cell] * 3) for cell in ALIKE))
    for name, found, one in (
        (
            "rate",
            clustered_rate([[4, 0, 2]] * 3, sizes=4, confidence=levels),
            lambda c: clustered_rate([4, 0, 2], sizes=4, confidence=c),
        ),
        (
            "difference",
            clustered_difference(thrice, confidence=levels),
            lambda c: clustered_difference(ALIKE, confidence=c),
        ),
        (
            "gap",
            clustered_effect_gap(thrice, second=thrice, confidence=levels),
            lambda c: clustered_effect_gap(ALIKE, second=ALIKE, confidence=c),
        ),
    ):
        expected = [floats(one(level)) for level in levels]
        assert np.transpose(found).tolist() == [pytest.approx(part) for part in expected], name
        assert np.all(np.diff(found.high - found.low) > 0), name


def test_the_payment_for_few_clusters_is_for_the_confidence_that_is_asked():
    # Student's quantiles for 80% are 1.319460 (23 degrees) and 1.475884 (5); the design effect is 46/15 as above.
    effective = 24 / (46 / 15) * (1.319460 / 1.475884) ** 2
    found = clustered_rate([4, 0, 4, 0, 2, 2], sizes=4, confidence=0.8)
    assert found == pytest.approx(floats(wilson_interval(effective / 2, effective, confidence=0.8)), rel=1e-6)


def test_unequal_clusters_by_hand():
    # Rate 1/2; residuals 1, -1, 0 of clusters that are 1/4, 1/4 and 1/2 of all: over what they leave, 4/3, -4/3, 0.
    # Variance 2/3 * 32/9 / 8^2 = 1/27 against (1/4)/7, so a design effect of 28/27. They are worth 64/24 equal ones.
    payment = (student.isf(0.025, 7) / student.isf(0.025, 64 / 24 - 1)) ** 2
    effective = 8 / (28 / 27) * payment
    found = clustered_rate([2, 0, 2], sizes=[2, 2, 4])
    assert found == pytest.approx(floats(wilson_interval(effective / 2, effective)))


def test_a_cluster_that_is_nearly_everything_tells_nearly_nothing():
    value, low, high = floats(clustered_rate([5000, 1], sizes=[10000, 2]))
    assert value == pytest.approx(0.5)
    assert 0 <= low < 0.01
    assert 0.99 < high <= 1
