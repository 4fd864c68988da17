"""Score intervals for units that come in clusters: Wilson's and Newcombe's with an effective number of units."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from steering_reliability.statistics.intervals import (
    Array,
    Estimate,
    difference_of_estimates,
    newcombe_paired_interval,
    wilson_interval,
)


class PairedCounts(NamedTuple):
    """Units seen under two conditions, counted per cluster; each field is [..., clusters]."""

    both: Array
    first_only: Array
    second_only: Array
    neither: Array

    @property
    def sizes(self) -> Array:
        """Units per cluster, [..., clusters]."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def differences(self) -> Array:
        """Successes under the first condition minus those under the second, [..., clusters]."""
        return self.first_only - self.second_only


def clustered_rate(successes: npt.ArrayLike, *, sizes: npt.ArrayLike, confidence: npt.ArrayLike = 0.95) -> Estimate:
    """Return the rate of clustered units with Wilson's interval at their effective number.

    With one unit in every cluster it is Wilson's interval itself. Where all outcomes are equal, or equal but for those
    of one cluster, the data do not show how alike the units of a cluster are: they are taken to be copies of each
    other, and each cluster counts once. Coverage was simulated by scripts/validate_statistics.py: from 8 clusters it
    holds, and is above 95% where clusters are few and their units no more alike than others.

    Args:
        successes: Successes per cluster, [..., clusters].
        sizes: Units per cluster, broadcastable to it; a cluster of 0 units is not there.
        confidence: Coverage of the interval.

    Returns:
        Rate and limits in [0, 1], without the last axis; the limits are NaN for fewer than two clusters.

    Source: Korn and Graubard (1998), Survey Methodology 24, 193-201 (effective number and degrees of freedom); Dean and
        Pagano (2015), Journal of Survey Statistics and Methodology 3, 484-503 (Wilson's form of it); Kish (1965),
        Survey Sampling, section 8.2 (clusters of unequal size).
    """
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(sizes, dtype=float))
    total = _positive(n.sum(-1))
    rate = k.sum(-1) / total
    effective = _effective_units(
        k - rate[..., None] * n,
        sizes=n,
        variance=rate * (1 - rate),
        unlike=np.minimum((k > 0).sum(-1), (k < n).sum(-1)),
        confidence=confidence,
    )
    # Not rate * effective: the limits at 0 and 1 need as many successes as trials, to the last bit.
    interval = wilson_interval(k.sum(-1) * (effective / total), total * (effective / total), confidence=confidence)
    return Estimate(rate, interval.low, interval.high)


def clustered_difference(counts: PairedCounts, *, confidence: npt.ArrayLike = 0.95) -> Estimate:
    """Return the difference of two rates on the same clustered units, with Newcombe's interval at the effective number.

    The design effect is that of the difference. With one unit in every cluster it is Newcombe's paired interval itself.

    Returns:
        First rate minus second rate, without the last axis; the limits are NaN for fewer than two clusters.

    Source: Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10, with the effective number of
        `clustered_rate`.
    """
    sizes = counts.sizes
    total = _positive(sizes.sum(-1))
    value = counts.differences.sum(-1) / total
    variance = (counts.first_only + counts.second_only).sum(-1) / total - value**2
    residuals = counts.differences - value[..., None] * sizes
    effective = _effective_units(
        residuals,
        sizes=sizes,
        variance=variance,
        unlike=(counts.first_only + counts.second_only > 0).sum(-1),
        confidence=confidence,
    )
    interval = newcombe_paired_interval(*(cell.sum(-1) * (effective / total) for cell in counts), confidence=confidence)
    return Estimate(value, interval.low, interval.high)


def clustered_effect_gap(first: PairedCounts, *, second: PairedCounts, confidence: npt.ArrayLike = 0.95) -> Estimate:
    """Return the difference between the paired differences of two independent sets of clusters (MOVER).

    Returns:
        First difference minus second difference, in [-2, 2], without the last axis.

    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702.
    """
    return difference_of_estimates(
        clustered_difference(first, confidence=confidence), clustered_difference(second, confidence=confidence)
    )


def direction_of_change(first: Estimate, second: Estimate) -> Array:
    """Return the sign (1 or -1) of the first change, or of the second where the first's interval includes 0."""
    excludes_zero = (first.low > 0) | (first.high < 0)
    sign = np.where(excludes_zero, np.sign(first.value), np.sign(second.value))
    return np.asarray(np.where(sign == 0, np.where(first.value < 0, -1.0, 1.0), sign))


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


def _effective_units(
    residuals: Array, *, sizes: Array, variance: Array, unlike: npt.NDArray[np.int64], confidence: npt.ArrayLike
) -> Array:
    """Return how many independent units tell as much as these clustered ones; NaN for fewer than two clusters.

    Args:
        residuals: Per cluster, its sum minus what its size lets expect, [..., clusters].
        sizes: Units per cluster.
        variance: Variance of one unit, [...].
        unlike: Clusters that hold an outcome other than the common one, [...].
        confidence: Coverage of the interval that the number is for.
    """
    n = _positive(sizes.sum(-1))
    clusters = (sizes > 0).sum(-1).astype(float)
    clusters = np.where(clusters > 1, clusters, np.nan)
    # The mean is drawn to a large cluster, so its residual is too small: the jackknife's correction, which for clusters
    # of one size is the usual clusters / (clusters - 1).
    share = np.minimum(sizes / n[..., None], 1 - 1e-9)
    between = (clusters - 1) / clusters * ((residuals / (1 - share)) ** 2).sum(-1) / n**2
    # Clusters of one size that would tell as much of the spread as these do.
    alike = np.maximum(n**2 / _positive((sizes**2).sum(-1)), 1 + 1e-6)
    independent = variance / np.where(n > 1, n - 1, np.nan)
    copies = (sizes**2).sum(-1) / n
    is_estimated = (unlike > 1) & (variance > 0)
    design_effect = np.where(is_estimated, between / np.where(is_estimated, independent, 1.0), copies)
    design_effect = np.clip(design_effect, 1.0, copies)
    tail = (1 - np.asarray(confidence, dtype=float)) / 2
    # It pays for a design effect that few clusters tell badly; one that is assumed needs no such payment.
    payment = (stdtrit(n - 1, tail) / stdtrit(alike - 1, tail)) ** 2
    return np.asarray(np.where(np.isnan(clusters), np.nan, n / design_effect * np.where(is_estimated, payment, 1.0)))


def _positive(numbers: Array) -> Array:
    return np.asarray(np.where(numbers > 0, numbers, np.nan))
