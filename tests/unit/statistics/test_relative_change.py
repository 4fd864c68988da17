"""Changes as shares of the change that was possible."""

import numpy as np
import pytest
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.intervals import difference_of_estimates, newcombe_paired_interval
from steering_reliability.statistics.relative_change import share_gap

RISE, FALL = np.array(1.0), np.array(-1.0)


def pairs(*clusters):
    """Build counts of (refusals before, of these lost, gained, prompts) per cluster."""
    before, lost, gained, size = np.array(clusters, dtype=float).reshape(-1, 4).T
    return PairedCounts(before - lost, gained, lost, size - before - gained)


def single(*, before, lost, gained, n):
    """Build the same of prompts that are each a cluster of their own."""
    kinds = [(1, 0, 0, 1), (1, 1, 0, 1), (0, 0, 1, 1), (0, 0, 0, 1)]
    numbers = [before - lost, lost, gained, n - before - gained]
    return pairs(*(kind for kind, number in zip(kinds, numbers, strict=True) for _ in range(number)))


def values(first, second, direction):
    found = share_gap(first, second=second, direction=direction)
    return [float(part.value) for part in found]


def test_removing_every_refusal_is_all_of_the_possible_change_whatever_there_was():
    # 92% to none and 42% to none: 92 and 42 points, and the same share.
    high, low = pairs(*[(23, 23, 0, 25)] * 4), pairs(*[(10, 10, 0, 25)] * 3, (12, 12, 0, 25))
    assert values(high, low, FALL) == pytest.approx([1, 1, 0])


def test_a_rise_is_a_share_of_the_room_above_and_a_fall_of_what_was_there():
    # 2 of 10 to 6: 4 of 8. 6 of 10 to 7: 1 of 4.
    assert values(pairs(*[(2, 0, 4, 10)] * 3), pairs(*[(6, 0, 1, 10)] * 5), RISE) == pytest.approx([0.5, 0.25, 0.25])
    # 6 of 10 to 3: 3 of 6. 8 of 10 to 6: 2 of 8.
    assert values(pairs(*[(6, 3, 0, 10)] * 3), pairs(*[(8, 2, 0, 10)] * 5), FALL) == pytest.approx([0.5, 0.25, 0.25])


def test_a_change_the_other_way_is_a_negative_share():
    # The first falls by 5 of 10, the second rises from 4 by 2: minus 2 of 4.
    first, second = pairs((5, 3, 0, 10), (5, 2, 0, 10)), pairs(*[(2, 0, 1, 10)] * 2)
    assert values(first, second, FALL) == pytest.approx([0.5, -0.5, 1])


def test_the_interval_of_a_share_is_that_of_the_change_over_the_room():
    # 10 of 40 refuse before; 18 more do after: a share of 18 in 30, with Newcombe's interval over 30 / 40.
    first, still = single(before=10, lost=0, gained=18, n=40), single(before=0, lost=0, gained=0, n=40)
    found = share_gap(first, second=still, direction=RISE)
    change = newcombe_paired_interval(10, 18, 0, 12)
    assert [float(part) for part in found.first] == pytest.approx([float(part) * 40 / 30 for part in change])
    # A fall is the same turned round: the low end of the change is the high end of the share.
    down = single(before=30, lost=18, gained=0, n=40)
    found = share_gap(down, second=down, direction=FALL).first
    change = clustered_difference(down)
    expected = [-float(change.value) * 40 / 30, -float(change.high) * 40 / 30, -float(change.low) * 40 / 30]
    assert [float(part) for part in found] == pytest.approx(expected)
    assert found.low < found.value < found.high


def test_little_room_is_a_wide_interval():
    # The same change of 4 points in 100: of 50 that could change and of 5.
    much, little = (single(before=before, lost=4, gained=0, n=100) for before in (50, 5))
    widths = [float(end.high - end.low) for end in share_gap(much, second=little, direction=FALL)[:2]]
    assert widths[1] > 5 * widths[0]


def test_the_gap_of_the_shares_is_movers():
    first, second = single(before=10, lost=1, gained=18, n=40), single(before=20, lost=2, gained=5, n=40)
    found = share_gap(first, second=second, direction=RISE)
    expected = difference_of_estimates(found.first, found.second)
    assert [float(part) for part in found.gap] == pytest.approx([float(part) for part in expected])
    assert float(found.gap.value) == pytest.approx(17 / 30 - 3 / 20)


def test_near_copies_count_as_one():
    apart, alike = single(before=0, lost=0, gained=20, n=40), pairs(*[(0, 0, 4, 4)] * 5, *[(0, 0, 0, 4)] * 5)
    one, other = (share_gap(first, second=first, direction=RISE).first for first in (apart, alike))
    assert one.value == other.value == 0.5
    assert other.high - other.low > 1.5 * (one.high - one.low)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pairs(*[(1, 0, 2, 4)] * 3), pairs(*[(4, 1, 0, 4)] * 3)),
        (pairs(*[(4, 1, 0, 4)] * 3), pairs(*[(1, 0, 2, 4)] * 3)),
        (pairs(), pairs(*[(1, 0, 2, 4)] * 3)),
        (pairs(*[(1, 0, 2, 4)] * 3), pairs()),
    ],
    ids=["no room in the second", "no room in the first", "no first", "no second"],
)
def test_what_is_no_share_is_missing(first, second):
    found = share_gap(first, second=second, direction=RISE)
    assert np.isnan(found.gap).all()
    assert np.isnan([found.first.value, found.second.value]).any()


@pytest.mark.parametrize("first", [True, False])
def test_one_cluster_has_a_share_and_no_interval(first):
    one, many = pairs((1, 0, 2, 4)), pairs(*[(1, 0, 1, 4)] * 3)
    found = share_gap(one, second=many, direction=RISE) if first else share_gap(many, second=one, direction=RISE)
    assert abs(found.gap.value) == pytest.approx(1 / 3)
    assert np.isnan([found.gap.low, found.gap.high]).all()


def test_many_points_are_the_same_as_one_at_a_time():
    first, second = pairs((1, 0, 3, 8), (2, 0, 6, 8), (3, 3, 0, 8)), pairs((1, 0, 1, 8), (2, 0, 3, 8), (3, 1, 2, 8))
    both, others = (PairedCounts(*(np.stack([cell, cell]) for cell in cells)) for cells in (first, second))
    found = share_gap(both, second=others, direction=np.array([1.0, -1.0]))
    for place, direction in enumerate((RISE, FALL)):
        one = share_gap(first, second=second, direction=direction)
        for part, expected in zip(found, one, strict=True):
            assert [float(end[place]) for end in part] == pytest.approx([float(end) for end in expected])
