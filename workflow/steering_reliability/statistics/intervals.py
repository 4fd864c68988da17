"""Intervals for rates, their differences, and differences of those: closed forms, vectorised over arrays."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Array = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A value with its interval; each field has the shape of the inputs, NaN where there are no data."""

    value: Array
    low: Array
    high: Array


def wilson_interval(successes: npt.ArrayLike, trials: npt.ArrayLike, *, confidence: npt.ArrayLike = 0.95) -> Estimate:
    """Return a rate with Wilson's score interval.

    Args:
        successes: Number of successes, any shape.
        trials: Number of trials, broadcastable to it; 0 gives NaN.
        confidence: Coverage of the interval, broadcastable to it.

    Returns:
        Rate and limits in [0, 1].

    Source: Wilson (1927), JASA 22, 209-212.
    """
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(trials, dtype=float))
    n = np.where(n > 0, n, np.nan)
    z2 = _z(confidence) ** 2
    centre = (k + z2 / 2) / (n + z2)
    half = np.sqrt(z2) / (n + z2) * np.sqrt(k * (n - k) / n + z2 / 4)
    # At 0 and n successes the limits are 0 and 1 exactly; the formula leaves a rounding error there.
    low = np.where(k == 0, 0.0 * n, centre - half)
    high = np.where(k == n, 1.0 + 0.0 * n, centre + half)
    return Estimate(k / n, low, high)


def newcombe_interval(
    successes: npt.ArrayLike, trials: npt.ArrayLike, other_successes: npt.ArrayLike, other_trials: npt.ArrayLike
) -> Estimate:
    """Return the difference of two independent rates with Newcombe's hybrid 95% score interval.

    Returns:
        First rate minus second rate, in [-1, 1]; NaN where a group is empty.

    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10.
    """
    return difference_of_estimates(wilson_interval(successes, trials), wilson_interval(other_successes, other_trials))


def newcombe_paired_interval(
    both: npt.ArrayLike,
    first_only: npt.ArrayLike,
    second_only: npt.ArrayLike,
    neither: npt.ArrayLike,
    *,
    confidence: npt.ArrayLike = 0.95,
) -> Estimate:
    """Return the difference of two rates seen on the same units, with Newcombe's interval for paired data.

    Args:
        both: Units that succeed under both conditions.
        first_only: Units that succeed only under the first.
        second_only: Units that succeed only under the second.
        neither: Units that succeed under neither.
        confidence: Coverage of the interval, broadcastable to it.

    Returns:
        First rate minus second rate; NaN where there are no units.

    Source: Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10.
    """
    a, b, c, d = (np.asarray(cell, dtype=float) for cell in (both, first_only, second_only, neither))
    n = a + b + c + d
    first = wilson_interval(a + b, n, confidence=confidence)
    second = wilson_interval(a + c, n, confidence=confidence)
    phi = _continuity_corrected_phi(a, b, c, d)
    down, up = first.value - first.low, first.high - first.value
    other_down, other_up = second.value - second.low, second.high - second.value
    value = first.value - second.value
    low = value - np.sqrt(np.maximum(down**2 - 2 * phi * down * other_up + other_up**2, 0))
    high = value + np.sqrt(np.maximum(up**2 - 2 * phi * up * other_down + other_down**2, 0))
    return Estimate(value, low, high)


def difference_of_estimates(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two independent estimates from their own intervals (MOVER).

    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702; with Wilson limits it is Newcombe's method 10.
    """
    value = first.value - second.value
    low = value - np.hypot(first.value - first.low, second.high - second.value)
    high = value + np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, low, high)


def weighted_mean_of_estimates(estimates: Estimate, *, weights: npt.ArrayLike) -> Estimate:
    """Return the weighted mean of independent estimates with its interval (MOVER).

    Args:
        estimates: One value per stratum.
        weights: Weight of each stratum, not negative; they are scaled to sum to 1.

    Returns:
        Scalars; NaN where no weight is left.
    """
    w = np.asarray(weights, dtype=float)
    w = w / w.sum() if w.sum() > 0 else np.full_like(w, np.nan)
    value = np.sum(w * estimates.value) if w.size else np.float64(np.nan)
    low = value - np.sqrt(np.sum((w * (estimates.value - estimates.low)) ** 2))
    high = value + np.sqrt(np.sum((w * (estimates.high - estimates.value)) ** 2))
    return Estimate(np.asarray(value), np.asarray(low), np.asarray(high))


def _z(confidence: npt.ArrayLike) -> Array:
    # Not norm.isf, which takes ten times as long: an interval is computed hundreds of times for one p.
    return np.asarray(-ndtri((1 - np.asarray(confidence, dtype=float)) / 2))


def _continuity_corrected_phi(a: Array, b: Array, c: Array, d: Array) -> Array:
    n = a + b + c + d
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    product = a * d - b * c
    corrected = np.where(product > n / 2, product - n / 2, np.minimum(product, 0))
    return np.where(margins > 0, corrected / np.sqrt(np.where(margins > 0, margins, 1)), 0.0)
