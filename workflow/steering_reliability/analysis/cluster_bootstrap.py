"""The cluster bootstrap: clusters drawn with replacement, whole, for rates, paired differences and their gaps."""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from steering_reliability.analysis.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.analysis.statistics import Array, Estimate

RESAMPLES: Final = 10_000

ENOUGH_CLUSTERS: Final = 8
"""Resamples of fewer do not reach far enough: the intervals are the closed ones then."""

_BLOCK: Final = 1_000
"""Resamples drawn at once, so that memory does not grow with their number times that of the clusters."""


def bootstrap_rate(
    successes: npt.ArrayLike,
    *,
    sizes: npt.ArrayLike,
    seed: int | np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Estimate:
    """Return the rate of clustered units with an expanded percentile interval of the cluster bootstrap.

    The tails are those of Student's t with the variance of a small sample, as the plain percentiles of few clusters are
    too narrow. Where the resamples do not differ, as at rates of 0 and 1, and for fewer than `ENOUGH_CLUSTERS` it is
    `clustered_rate`; that one also covers better near 0 and 1 (see scripts/validate_statistics.py).

    Args:
        successes: Successes per cluster, [..., clusters]; all leading places share the same resamples.
        sizes: Units per cluster, broadcastable to it.
        seed: Of the resamples.
        resamples: How many.
        confidence: Coverage of the interval.

    Returns:
        Rate and limits, without the last axis; the limits are NaN for fewer than two clusters.

    Source: Hesterberg (2015), The American Statistician 69, 371-386 (expanded percentiles); Davison and
        Hinkley (1997), Bootstrap Methods and their Application, section 3.8 (whole clusters).
    """
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(sizes, dtype=float))
    drawn = _resampled_ratios(k, sizes=n, rng=np.random.default_rng(seed), resamples=resamples)
    fallback = clustered_rate(k, sizes=n, confidence=confidence)
    return _interval(drawn, fallback=fallback, spreads=np.ptp(drawn, axis=0), clusters=_present(n), level=confidence)


def bootstrap_difference(
    counts: PairedCounts,
    *,
    seed: int | np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Estimate:
    """Return the difference of two rates on the same clustered units, with the interval of `bootstrap_rate`.

    Args:
        counts: Units per cluster, [..., clusters].
        seed: Of the resamples.
        resamples: How many.
        confidence: Coverage of the interval.

    Returns:
        First rate minus second rate; where the resamples do not differ and for fewer than `ENOUGH_CLUSTERS` it is
        `clustered_difference`, which also covers better where few units differ.
    """
    rng = np.random.default_rng(seed)
    drawn = _resampled_ratios(counts.differences, sizes=counts.sizes, rng=rng, resamples=resamples)
    return _interval(
        drawn,
        fallback=clustered_difference(counts, confidence=confidence),
        spreads=np.ptp(drawn, axis=0),
        clusters=_present(counts.sizes),
        level=confidence,
    )


def bootstrap_effect_gap(
    first: PairedCounts,
    *,
    second: PairedCounts,
    seed: int | np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Estimate:
    """Return the difference between the paired differences of two sets of clusters, each resampled on its own.

    In simulations it covers as often as it says from 8 clusters a set, where `clustered_effect_gap` is wider than need
    be.

    Args:
        first: Units per cluster of the first set, [..., clusters].
        second: Those of the second set.
        seed: Of the resamples.
        resamples: How many.
        confidence: Coverage of the interval; its tails are those of the smaller set.

    Returns:
        First difference minus second; where the resamples of a set do not differ, or a set has fewer than
        `ENOUGH_CLUSTERS`, it is `clustered_effect_gap`.
    """
    rng = np.random.default_rng(seed)
    one, other = (
        _resampled_ratios(counts.differences, sizes=counts.sizes, rng=rng, resamples=resamples)
        for counts in (first, second)
    )
    return _interval(
        one - other,
        fallback=clustered_effect_gap(first, second=second, confidence=confidence),
        spreads=np.minimum(np.ptp(one, axis=0), np.ptp(other, axis=0)),
        clusters=min(_present(first.sizes), _present(second.sizes)),
        level=confidence,
    )


def _resampled_ratios(numerators: Array, *, sizes: Array, rng: np.random.Generator, resamples: int) -> Array:
    """Return the ratio of sums for each resample of the clusters, [resamples, ...]."""
    clusters = sizes.shape[-1]
    if clusters == 0:
        return np.full((1, *sizes.shape[:-1]), np.nan)
    flat, flat_sizes = (np.atleast_2d(values).reshape(-1, clusters).T for values in (numerators, sizes))
    blocks = []
    for start in range(0, resamples, _BLOCK):
        times = min(_BLOCK, resamples - start)
        counts = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=times).astype(float)
        drawn = counts @ flat_sizes
        blocks.append((counts @ flat) / np.where(drawn > 0, drawn, np.nan))
    return np.concatenate(blocks).reshape(resamples, *sizes.shape[:-1])


def _interval(drawn: Array, *, fallback: Estimate, spreads: Array, clusters: int, level: float) -> Estimate:
    if clusters < ENOUGH_CLUSTERS:
        return fallback
    wider = np.sqrt(clusters / (clusters - 1)) * student.ppf(0.5 + level / 2, clusters - 1)
    tail = norm.cdf(-wider)
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    # Rounding leaves differences of the last bit between resamples of equal outcomes.
    tells = spreads > 1e-9
    return Estimate(fallback.value, np.where(tells, low, fallback.low), np.where(tells, high, fallback.high))


def _present(sizes: Array) -> int:
    return int((sizes > 0).any(axis=tuple(range(sizes.ndim - 1))).sum())
