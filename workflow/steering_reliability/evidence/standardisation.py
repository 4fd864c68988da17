"""Differences of rates between two groups, split into a part within shared labels and a part of the labels' mix."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.statistics.intervals import Estimate, wilson_interval


class SplitDifference(NamedTuple):
    """A difference of two rates in its two parts, which add up to it.

    Attributes:
        within: The difference within shared cells, averaged with the number of units of both groups as weights.
        mix: What is left: cells that one group lacks, and other shares of the shared ones.
        n: Units in shared cells.
    """

    within: Estimate
    mix: Estimate
    n: int


def split_difference(units: pd.DataFrame, *, value: str, group: str, cell: str) -> SplitDifference:
    """Split the difference of two groups' rates by the cells that both hold (direct standardisation).

    Args:
        units: One row per independent unit.
        value: Column of the unit's rate, in [0, 1].
        group: Column of flags; the difference is group minus the others.
        cell: Column of labels; a unit without one belongs to no shared cell.

    Returns:
        Both parts with 95% intervals (Wilson per cell, joined by MOVER); NaN with n = 0 if no cell is shared.

    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702, for the interval.
    """
    # A label of its own keeps units without one in the rates of their group.
    cells = units.assign(cell=units[cell].fillna(""))
    ours, theirs = (cells[cells[group] == flag].groupby("cell")[value].agg(["sum", "count"]) for flag in (True, False))
    table = pd.concat([ours, theirs.add_suffix("_other")], axis=1).fillna(0)
    n, n_other = table["count"].to_numpy(dtype=float), table["count_other"].to_numpy(dtype=float)
    shared = (n > 0) & (n_other > 0) & (table.index != "")
    weights = np.where(shared, n + n_other, 0.0)
    if not shared.any():
        nothing = Estimate(*(np.asarray(np.nan) for _ in range(3)))
        return SplitDifference(nothing, nothing, 0)
    standard = weights / weights.sum()
    k = np.concatenate([table["sum"], table["sum_other"]])
    trials = np.concatenate([n, n_other])
    within = combine_rates(k, trials, coefficients=np.concatenate([standard, -standard]))
    rest = np.concatenate([n / n.sum() - standard, standard - n_other / n_other.sum()])
    return SplitDifference(within, combine_rates(k, trials, coefficients=rest), int(weights.sum()))


def combine_rates(successes: npt.ArrayLike, trials: npt.ArrayLike, *, coefficients: npt.ArrayLike) -> Estimate:
    """Return a linear combination of independent rates with its 95% interval (MOVER on Wilson's limits).

    Args:
        successes: Successes of each rate, [n]; not necessarily whole.
        trials: Trials of each rate, [n].
        coefficients: Factor of each rate, of either sign, [n]; rates with 0 may be empty.

    Returns:
        Scalars; NaN where a rate with a factor is empty.

    Source: Zou and Donner (2008), Statistics in Medicine 27, 1693-1702, section 2.
    """
    c = np.asarray(coefficients, dtype=float)
    used = c != 0
    rate = wilson_interval(np.asarray(successes)[used], np.asarray(trials)[used])
    c = c[used]
    down = np.where(c > 0, rate.value - rate.low, rate.high - rate.value)
    up = np.where(c > 0, rate.high - rate.value, rate.value - rate.low)
    value = np.sum(c * rate.value)
    low, high = value - np.sqrt(np.sum((c * down) ** 2)), value + np.sqrt(np.sum((c * up) ** 2))
    return Estimate(np.asarray(value), np.asarray(low), np.asarray(high))
