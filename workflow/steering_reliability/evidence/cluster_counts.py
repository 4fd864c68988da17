"""The study's completions, counted per operating point and cluster of prompts that are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.results.schema import GROUP_KEYS, POINT_KEYS, ROW_KEYS, SPLITS, in_order
from steering_reliability.statistics.cluster_intervals import PairedCounts
from steering_reliability.statistics.intervals import Array

Places = npt.NDArray[np.intp]

Unit = Literal["cluster", "style", "id"]
"""What is counted as one: near copies of one template, all prompts of one style, or each prompt."""

HELD_OUT: Final = "harm_train_unseen"
"""The harm_train prompts that did not build the direction, counted like a split of their own."""

NO_UNIT: Final = ""
"""Prompts that lack a style where others have one are taken as a style of their own."""

IN_DIRECTION: Final = "harm_train_seen"
"""The harm_train prompts that built the direction."""

_NAMES: Final = ("refusal", "clean_refusal", "opening_refusal", "helpful", "helpful_by_opening", "degenerate")
OUTCOMES: Final = {name: f"is_{name}" for name in _NAMES}
"""Name of an outcome in the tables to its column of truth values."""

CELLS: Final = ("both", "steered_only", "baseline_only", "neither")
"""What an outcome can be in a pair, in the order of `newcombe_paired_interval`."""

COUNT_INPUTS: Final = [
    *POINT_KEYS,
    *("split", "id", "sample", "cluster", "style", "builds_direction", "from_baseline"),
    *("is_refusal", "is_helpful", "is_degenerate", "opens_with_refusal", "is_helpful_by_opening"),
]
"""The columns of results.parquet that are counted."""


def with_outcomes(results: pd.DataFrame) -> pd.DataFrame:
    """Add the outcomes that are made of others, and each outcome's pair with the baseline.

    The results have at least the columns of `COUNT_INPUTS`.

    Returns:
        The rows with is_clean_refusal (a refusal in text that is not degenerate) and is_opening_refusal (the same by
        the opening rule), every outcome as 0.0 or 1.0, and the cells of `pair_with_baseline`.
    """
    rows = results.copy()
    readable = ~rows["is_degenerate"].astype(bool)
    rows["is_clean_refusal"] = rows["is_refusal"].astype(bool) & readable
    rows["is_opening_refusal"] = rows["opens_with_refusal"].astype(bool) & readable
    return pair_with_baseline(rows, outcomes=list(OUTCOMES.values()))


def pair_with_baseline(results: pd.DataFrame, *, outcomes: Sequence[str]) -> pd.DataFrame:
    """Add to each completion whether its outcomes, its baseline's, both or neither are true.

    The results include the baselines; `outcomes` are columns of truth values.

    Returns:
        The rows in their order, `outcomes` as 0.0 or 1.0, with {outcome}_both, _steered_only, _baseline_only and
        _neither; these are NaN for a completion without its baseline.
    """
    keys = [*GROUP_KEYS, *ROW_KEYS]
    rows = results.copy()
    for name in outcomes:
        rows[name] = rows[name].astype(float)
    baseline = rows.loc[rows["from_baseline"].astype(bool), [*keys, *outcomes]]
    rows = rows.merge(baseline, on=keys, how="left", suffixes=("", "_before"), validate="many_to_one")
    for name in outcomes:
        after, before = rows[name], rows.pop(f"{name}_before")
        # A product with NaN stays NaN, so a row without its baseline is left out of the pairs.
        cells = (after * before, after * (1 - before), (1 - after) * before, (1 - after) * (1 - before))
        for cell, values in zip(CELLS, cells, strict=True):
            rows[f"{name}_{cell}"] = values
    return rows


@dataclass(frozen=True)
class ClusterCounts:
    """Counts per operating point and cluster; a split of which no prompt has one has none.

    Attributes:
        points: The operating points, in the order of every result.
        sums: Split (or `HELD_OUT`, `IN_DIRECTION`) to column to sums, [points, clusters]; absent where it has none.
        prompts: Split to the number of prompts at each point.
    """

    points: pd.MultiIndex
    sums: Mapping[str, Mapping[str, Array]]
    prompts: Mapping[str, Array]

    def successes(self, outcome: str, split: str) -> Array:
        """Return how often an outcome is true, [points, clusters]."""
        return self._matrix(OUTCOMES[outcome], split)

    def sizes(self, split: str) -> Array:
        """Return the completions, [points, clusters]."""
        return self._matrix(_SIZE, split)

    def pairs(self, outcome: str, split: str) -> PairedCounts:
        """Return the pairs of an outcome with the baseline's, each field [points, clusters]."""
        return PairedCounts(*(self._matrix(f"{OUTCOMES[outcome]}_{cell}", split) for cell in CELLS))

    def n_prompts(self, split: str) -> Array:
        """Return the prompts at each point."""
        return self.prompts.get(split, np.zeros(len(self.points)))

    def _matrix(self, column: str, split: str) -> Array:
        return self.sums[split][column] if split in self.sums else np.zeros((len(self.points), 0))


_SIZE: Final = "n"
_COLUMNS: Final = tuple(name for flag in OUTCOMES.values() for name in (flag, *(f"{flag}_{cell}" for cell in CELLS)))


def count_clusters(rows: pd.DataFrame, *, unit: Unit = "cluster") -> ClusterCounts:
    """Count outcomes and their pairs with the baseline.

    The rows are from `with_outcomes`, of the roles that are wanted; `unit` is what a cluster is. The points are sorted
    by `POINT_KEYS`.
    """
    points = pd.MultiIndex.from_frame(in_order(rows[POINT_KEYS].drop_duplicates(), POINT_KEYS))
    sums, prompts = {}, {}
    for split, part in _parts(rows).items():
        if part.empty or part[unit].isna().all():
            continue
        place = points.get_indexer(pd.MultiIndex.from_frame(part[POINT_KEYS]))
        cluster = np.asarray(pd.factorize(part[unit].fillna(NO_UNIT), sort=True)[0], dtype=np.intp)
        sums[split] = _sums(part, place.astype(np.intp), cluster, n_points=len(points))
        distinct = part.assign(place=place).drop_duplicates(["place", "id"])["place"]
        prompts[split] = np.bincount(distinct, minlength=len(points)).astype(float)
    return ClusterCounts(points, sums, prompts)


def count_units(one: Array, other: Array, units: "pd.Series[str]") -> PairedCounts:
    """Count the completions that two conditions share, [pairs of conditions, completions] each, per unit.

    The outcomes are 0.0 or 1.0, NaN for a completion that a condition lacks; without any unit there are no counts.
    """
    if units.isna().all():
        return PairedCounts(*(np.zeros((len(one), 0)) for _ in range(4)))
    codes, names = pd.factorize(units.fillna(NO_UNIT), sort=True)
    of_unit = np.eye(len(names))[codes]
    cells = (one * other, one * (1 - other), (1 - one) * other, (1 - one) * (1 - other))
    return PairedCounts(*(np.nan_to_num(cell) @ of_unit for cell in cells))


def _sums(part: pd.DataFrame, place: Places, cluster: Places, *, n_points: int) -> dict[str, Array]:
    n_clusters = int(cluster.max()) + 1
    cell = place * n_clusters + cluster

    def total(weights: Array | None) -> Array:
        counts = np.bincount(cell, weights=weights, minlength=n_points * n_clusters)
        return np.asarray(counts.reshape(n_points, n_clusters), dtype=np.float64)

    # A completion without its baseline is in no pair.
    values = {name: part[name].fillna(0.0).to_numpy(dtype=float) for name in _COLUMNS}
    return {_SIZE: total(None)} | {name: total(weights) for name, weights in values.items()}


def _parts(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    parts = {split: rows[rows["split"] == split] for split in SPLITS}
    builds = parts["harm_train"]["builds_direction"].astype(bool)
    return parts | {HELD_OUT: parts["harm_train"][~builds], IN_DIRECTION: parts["harm_train"][builds]}
