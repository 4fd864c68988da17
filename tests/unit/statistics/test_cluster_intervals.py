"""Intervals for units in clusters, by hand."""

import numpy as np
import pytest
from scipy.stats import t as student
from steering_reliability.statistics.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
    share_gap,
)
from steering_reliability.statistics.intervals import difference_of_estimates, newcombe_paired_interval, wilson_interval


def floats(estimate):
    return [float(part) for part in estimate]


def pairs(*clusters):
    """Build counts from (both, first only, second only, neither) per cluster."""
    return PairedCounts(*np.array(clusters, dtype=float).reshape(-1, 4).T)


ONE_EACH = pairs(*[(1, 0, 0, 0)] * 36, *[(0, 1, 0, 0)] * 12, *[(0, 0, 1, 0)] * 2)
ALIKE = pairs((0, 4, 0, 0), (0, 0, 0, 4), (0, 4, 0, 0), (0, 0, 0, 4), (0, 2, 0, 2), (0, 2, 0, 2))


def payment(units, clusters, tail=0.025):
    return (student.isf(tail, units - 1) / student.isf(tail, clusters - 1)) ** 2


@pytest.mark.parametrize(
    ("successes", "sizes", "effective"),
    [
        # Units of their own give Wilson's interval.
        ([1, 0, 0, 1, 1, 0, 0, 0], 1, 8),
        # Rate 1/2; residuals 2, -2, 2, -2, 0, 0: variance 6/5 * 16/24^2 = 1/30 against (1/4)/23, so a design effect of
        # 46/15.
        ([4, 0, 4, 0, 2, 2], 4, 24 / (46 / 15) * payment(24, 6)),
        # Residuals 1, -1, 0, 0 give a design effect of 0.625, and one below 1 is not believed.
        ([3, 1, 2, 2], 4, 16 * payment(16, 4)),
        # Rate 1/2; residuals 1, -1, 0 of clusters that are 1/4, 1/4 and 1/2 of all: over what they leave, 4/3, -4/3, 0.
        # Variance 2/3 * 32/9 / 8^2 = 1/27 against (1/4)/7, so a design effect of 28/27; worth 64/24 equal clusters.
        ([2, 0, 2], [2, 2, 4], 8 / (28 / 27) * payment(8, 64 / 24)),
        # Where nothing tells how alike units are each cluster counts once.
        ([0, 0, 0], 5, 3),
        ([5, 5, 5], 5, 3),
        ([0, 5, 0], 5, 3),
        ([5, 5, 0], 5, 3),
        # Unequal copies count as Kish says: 8^2 / (4 + 36) = 1.6 clusters.
        ([0, 0], [2, 6], 1.6),
    ],
)
def test_a_rate_is_wilsons_at_the_effective_number(successes, sizes, effective):
    found = clustered_rate(successes, sizes=sizes)
    rate = np.sum(successes) / np.sum(np.broadcast_to(sizes, len(successes)))
    assert found == pytest.approx(floats(wilson_interval(rate * effective, effective)), rel=1e-6)
    assert 0 <= found.low <= found.high <= 1


def test_one_cluster_has_a_rate_but_no_interval_and_none_has_neither():
    value, low, high = clustered_rate([[3, 0], [0, 0]], sizes=[[10, 0], [0, 0]])
    assert value[0] == 0.3
    assert np.isnan([value[1], *low, *high]).all()


def test_absent_clusters_change_nothing():
    expected = floats(clustered_rate([3, 1, 2], sizes=[4, 4, 4]))
    assert clustered_rate([3, 1, 0, 2], sizes=[4, 4, 0, 4]) == pytest.approx(expected)


def test_a_cluster_that_is_nearly_everything_tells_nearly_nothing():
    value, low, high = floats(clustered_rate([5000, 1], sizes=[10000, 2]))
    assert value == pytest.approx(0.5)
    assert 0 <= low < 0.01
    assert 0.99 < high <= 1


def test_a_difference_is_newcombes_at_the_effective_number():
    assert clustered_difference(ONE_EACH) == pytest.approx(floats(newcombe_paired_interval(36, 12, 2, 0)))
    # The second condition never succeeds, so the difference is the first's rate, with the design effect from above.
    scale = 15 / 46 * payment(24, 6)
    expected = floats(newcombe_paired_interval(0, 12 * scale, 0, 12 * scale))
    assert clustered_difference(ALIKE) == pytest.approx(expected, rel=1e-6)
    # Pairs that never differ count once per cluster.
    still = clustered_difference(pairs(*[(0, 0, 0, 10)] * 3))
    assert still == pytest.approx(floats(newcombe_paired_interval(0, 0, 0, 3)))


def test_the_gap_of_effects_is_movers():
    found = clustered_effect_gap(ONE_EACH, second=ALIKE)
    assert found.value == pytest.approx(0.2 - 0.5)
    expected = difference_of_estimates(clustered_difference(ONE_EACH), clustered_difference(ALIKE))
    assert found == pytest.approx(floats(expected))


def test_every_point_may_have_a_confidence_of_its_own():
    levels = [0.5, 0.8, 0.95, 0.999]
    many = PairedCounts(*(np.stack([cell] * 4) for cell in ALIKE))
    found = clustered_effect_gap(many, second=many, confidence=levels)
    expected = [floats(clustered_effect_gap(ALIKE, second=ALIKE, confidence=level)) for level in levels]
    assert np.transpose(found).tolist() == [pytest.approx(part) for part in expected]
    assert np.all(np.diff(found.high - found.low) > 0)
    # The payment for few clusters is for the confidence that is asked for; the design effect is 46/15 as above.
    effective = 24 / (46 / 15) * payment(24, 6, tail=0.1)
    rate = clustered_rate([[4, 0, 4, 0, 2, 2]] * 4, sizes=4, confidence=levels)
    assert np.transpose(rate)[1] == pytest.approx(
        floats(wilson_interval(effective / 2, effective, confidence=0.8)), rel=1e-6
    )


RISE, FALL = np.array(1.0), np.array(-1.0)


def changes(*clusters):
    """Build counts of (refusals before, of these lost, gained, prompts) per cluster."""
    before, lost, gained, size = np.array(clusters, dtype=float).reshape(-1, 4).T
    return PairedCounts(before - lost, gained, lost, size - before - gained)


def single(*, before, lost, gained, n):
    """Build the same of prompts that are each a cluster of their own."""
    kinds = [(1, 0, 0, 1), (1, 1, 0, 1), (0, 0, 1, 1), (0, 0, 0, 1)]
    numbers = [before - lost, lost, gained, n - before - gained]
    return changes(*(kind for kind, number in zip(kinds, numbers, strict=True) for _ in range(number)))


@pytest.mark.parametrize(
    ("first", "second", "direction", "shares"),
    [
        # 92% to none and 42% to none: 92 and 42 points, and the same share.
        (changes(*[(23, 23, 0, 25)] * 4), changes(*[(10, 10, 0, 25)] * 3, (12, 12, 0, 25)), FALL, [1, 1, 0]),
        # 2 of 10 to 6: 4 of 8. 6 of 10 to 7: 1 of 4.
        (changes(*[(2, 0, 4, 10)] * 3), changes(*[(6, 0, 1, 10)] * 5), RISE, [0.5, 0.25, 0.25]),
        # 6 of 10 to 3: 3 of 6. 8 of 10 to 6: 2 of 8.
        (changes(*[(6, 3, 0, 10)] * 3), changes(*[(8, 2, 0, 10)] * 5), FALL, [0.5, 0.25, 0.25]),
        # A change the other way is a negative share: from 4 by 2.
        (changes((5, 3, 0, 10), (5, 2, 0, 10)), changes(*[(2, 0, 1, 10)] * 2), FALL, [0.5, -0.5, 1]),
    ],
)
def test_a_change_is_a_share_of_what_was_possible(first, second, direction, shares):
    found = share_gap(first, second=second, direction=direction)
    assert [float(part.value) for part in found] == pytest.approx(shares)
    expected = difference_of_estimates(found.first, found.second)
    assert floats(found.gap) == pytest.approx(floats(expected))


def test_the_interval_of_a_share_is_that_of_the_change_over_the_room():
    # 10 of 40 refuse before; 18 more do after: a share of 18 in 30, with Newcombe's interval over 30 / 40.
    first, still = single(before=10, lost=0, gained=18, n=40), single(before=0, lost=0, gained=0, n=40)
    found = share_gap(first, second=still, direction=RISE)
    change = newcombe_paired_interval(10, 18, 0, 12)
    assert floats(found.first) == pytest.approx([float(part) * 40 / 30 for part in change])
    # A fall is the same turned round: the low end of the change is the high end of the share.
    down = single(before=30, lost=18, gained=0, n=40)
    change = clustered_difference(down)
    expected = [-float(part) * 40 / 30 for part in (change.value, change.high, change.low)]
    assert floats(share_gap(down, second=down, direction=FALL).first) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (changes(*[(1, 0, 2, 4)] * 3), changes(*[(4, 1, 0, 4)] * 3)),
        (changes(*[(4, 1, 0, 4)] * 3), changes(*[(1, 0, 2, 4)] * 3)),
        (changes(), changes(*[(1, 0, 2, 4)] * 3)),
        (changes(*[(1, 0, 2, 4)] * 3), changes()),
    ],
    ids=["no room in the second", "no room in the first", "no first", "no second"],
)
def test_without_room_for_a_change_there_is_no_share(first, second):
    found = share_gap(first, second=second, direction=RISE)
    assert np.isnan(found.gap).all()
    assert np.isnan([found.first.value, found.second.value]).any()


def test_many_points_are_the_same_as_one_at_a_time():
    first, second = changes((1, 0, 3, 8), (2, 0, 6, 8), (3, 3, 0, 8)), changes((1, 0, 1, 8), (2, 0, 3, 8), (3, 1, 2, 8))
    both, others = (PairedCounts(*(np.stack([cell, cell]) for cell in cells)) for cells in (first, second))
    found = share_gap(both, second=others, direction=np.array([1.0, -1.0]))
    for place, direction in enumerate((RISE, FALL)):
        one = share_gap(first, second=second, direction=direction)
        for part, expected in zip(found, one, strict=True):
            assert [float(end[place]) for end in part] == pytest.approx(floats(expected))
