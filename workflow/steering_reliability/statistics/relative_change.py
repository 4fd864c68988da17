"""A change of a rate as a share of the change that was possible, since points have a floor and a ceiling."""

from typing import NamedTuple

import numpy as np

from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.intervals import Array, Estimate, difference_of_estimates


class ShareGap(NamedTuple):
    """Two changes as shares of what was possible, and the first minus the second with its interval; [...] each."""

    first: Estimate
    second: Estimate
    gap: Estimate


def share_gap(first: PairedCounts, *, second: PairedCounts, direction: Array) -> ShareGap:
    """Compare two changes by how much of the possible change each is.

    A rise can go up to 1 and a fall down to 0: the share is (after - before) / (1 - before) of a rise and
    (before - after) / before of a fall. So removing every refusal is a share of 1, whether 92% or 42% refused before.
    The limits of a share are those of `clustered_difference` over the room that was seen: where there is little room
    they are wide.

    Args:
        first: Pairs per cluster of the first set, [..., clusters].
        second: Those of the second set.
        direction: 1 for a rise, -1 for a fall, [...].

    Returns:
        Shares in (-inf, 1] with 95% intervals; NaN where no change was possible; no interval where a
        set has fewer than two clusters.

    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702, for the interval of the gap.
    """
    one, other = (_share(pairs, direction) for pairs in (first, second))
    return ShareGap(one, other, difference_of_estimates(one, other))


def _share(pairs: PairedCounts, direction: Array) -> Estimate:
    n = pairs.sizes.sum(-1)
    before = (pairs.both + pairs.second_only).sum(-1)
    room = np.where(direction > 0, n - before, before) / np.where(n > 0, n, np.nan)
    room = np.where(room > 0, room, np.nan)
    change = clustered_difference(pairs)
    ends = np.stack([direction * change.low, direction * change.high])
    return Estimate(direction * change.value / room, ends.min(axis=0) / room, ends.max(axis=0) / room)
