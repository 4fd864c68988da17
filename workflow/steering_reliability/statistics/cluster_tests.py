"""Tests whose unit is a cluster of prompts: an exact one for a change, and the p that belongs to the gap's interval."""

from typing import Final

import numpy as np
import numpy.typing as npt

from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_effect_gap
from steering_reliability.statistics.intervals import Array

_SMALLEST: Final = 1e-12
"""The smallest p that is computed."""

_LARGEST: Final = 0.99
"""A larger p is called 1."""

_HALVINGS: Final = 48
"""Of the level on a logarithmic scale from 1 to `_SMALLEST`: more than the digits of a table."""


def sign_flip_p(changes: npt.ArrayLike) -> Array:
    """Return the exact two-sided p that changes of clusters are as large by chance, each as likely as its reverse.

    Every cluster keeps the size of its summed change and takes either sign with chance 1/2; p is the share of all sign
    patterns whose total is at least as far from 0 as the one seen. With one prompt per cluster and one completion per
    prompt it is McNemar's exact test. It keeps its level with few clusters of any size, however alike their prompts.

    Args:
        changes: Sum of the changes (each -1, 0 or 1) of every cluster, [..., clusters]; whole numbers.

    Returns:
        p in (0, 1], without the last axis; 1 where nothing changed, NaN where there is no cluster.

    Source: Fisher (1935), The Design of Experiments, section 21; Canay, Romano and Shaikh (2017), Econometrica 85,
        1013-1030, for few clusters.
    """
    sums = np.asarray(changes, dtype=float)
    leading = sums.shape[:-1]
    rows = np.rint(sums.reshape(int(np.prod(leading)), sums.shape[-1])).astype(int)
    if rows.shape[-1] == 0:
        return np.full(leading, np.nan)
    return np.array([_p_of_signs(row) for row in rows]).reshape(leading)


def _p_of_signs(sums: npt.NDArray[np.int64]) -> float:
    sizes, total = np.abs(sums[sums != 0]), abs(int(sums.sum()))
    chance = np.ones(1)
    for size in sizes:
        # Totals run from -reach to reach; the new cluster moves all of them up or down.
        moved = np.zeros(len(chance) + 2 * size)
        moved[: len(chance)] += 0.5 * chance
        moved[2 * size :] += 0.5 * chance
        chance = moved
    reach = len(chance) // 2
    if total == 0:
        return 1.0
    # Thousands of clusters that all changed alike would give a chance below the smallest number.
    return float(np.clip(2 * chance[reach + total :].sum(), np.finfo(float).tiny, 1.0))


def sign_flip_p_of_many(changes: npt.ArrayLike) -> Array:
    """Return `sign_flip_p` of many sets of clusters at once, to within 1e-12: what a simulation needs.

    The total of random signs has the characteristic function prod(cos(size * angle)); p is one minus the chance of a
    smaller total, summed over angles that are as many as the total has values.

    Args:
        changes: As in `sign_flip_p`, [sets, clusters].

    Returns:
        p, [sets]; 1 where nothing changed.

    Source: Davies (1973), Biometrika 60, 415-417, for the inversion.
    """
    sizes = np.abs(np.rint(np.asarray(changes, dtype=float))).astype(int)
    totals = np.abs(np.rint(np.asarray(changes, dtype=float).sum(-1)))
    # How many clusters of each set changed by each size that there is.
    distinct, codes = np.unique(sizes, return_inverse=True)
    places = np.arange(len(sizes))[:, None] * len(distinct) + codes.reshape(sizes.shape)
    how_many = np.bincount(places.ravel(), minlength=len(sizes) * len(distinct)).reshape(len(sizes), -1)
    n_angles = 2 * int(sizes.sum(-1).max(initial=0)) + 2
    # Between the multiples of 2 pi / n, so that none is 0; the other half mirrors these.
    angles = np.pi * (2 * np.arange(n_angles // 2) + 1) / n_angles
    waves = np.cos(np.outer(distinct, angles))
    size = np.exp(how_many.astype(float) @ np.log(np.maximum(np.abs(waves), np.finfo(float).tiny)))
    sign = 1 - 2 * ((how_many.astype(float) @ (waves < 0)) % 2)
    smaller = np.sin(np.outer(totals - 0.5, angles)) / np.sin(angles / 2)
    p = 1 - (size * sign * smaller).mean(-1)
    return np.where(totals == 0, 1.0, np.clip(p, 0.0, 1.0))


def effect_gap_p(first: PairedCounts, *, second: PairedCounts) -> Array:
    """Return the two-sided p that two sets of clusters changed alike: one minus the level at which the interval hits 0.

    It is `clustered_effect_gap` read backwards, so p is at most 0.05 just where the 95% interval excludes 0.

    Returns:
        p in [1e-12, 0.99] or 1, without the last axis; NaN where a set has fewer than two clusters.
    """
    value = clustered_effect_gap(first, second=second)
    low, high = np.full(value.value.shape, np.log(_SMALLEST)), np.full(value.value.shape, np.log(_LARGEST))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        interval = clustered_effect_gap(first, second=second, confidence=1 - np.exp(middle))
        excludes = (interval.low > 0) | (interval.high < 0)
        low, high = np.where(excludes, low, middle), np.where(excludes, middle, high)
    p = np.where(high < np.log(_LARGEST), np.exp(high), 1.0)
    return np.where(np.isnan(value.low), np.nan, p)
