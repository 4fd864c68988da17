"""What each prompt gives at each operating point, as matrices: then a resample of prompts is a matrix product."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.results.baseline_pairs import pair_with_baseline
from steering_reliability.results.schema import POINT_KEYS, ROW_KEYS, sort_points

Array = npt.NDArray[np.float64]

_INPUTS: Final = [
    *POINT_KEYS,
    *ROW_KEYS,
    "family",
    "cluster",
    "from_baseline",
    "is_refusal",
    "is_degenerate",
    "is_helpful",
]


@dataclass(frozen=True)
class PromptSums:
    """Sums over the completions of each prompt of a split; every matrix is [prompts, points].

    Attributes:
        prompts: id, family (empty where unknown) and cluster of each row, sorted by id.
        n: Completions.
        refusals: Those that refuse.
        clean_refusals: Those that refuse and are not degenerate.
        pairs: Those whose unsteered counterpart is there.
        refusal_change: Over the pairs, refusals minus refusals of the counterparts.
        helpful_loss: Over the pairs, helpful counterparts minus helpful completions.
    """

    prompts: pd.DataFrame
    n: Array
    refusals: Array
    clean_refusals: Array
    pairs: Array
    refusal_change: Array
    helpful_loss: Array


def main_points(results: pd.DataFrame) -> pd.DataFrame:
    """Return the study's operating points, baselines included, in the order of the summary.

    Args:
        results: Rows of results.parquet.

    Returns:
        One row per point: `POINT_KEYS`, from_baseline and relative_strength.
    """
    study = results.loc[results["role"] == "main", [*POINT_KEYS, "from_baseline", "relative_strength"]]
    return sort_points(study.drop_duplicates(POINT_KEYS))


def prompt_sums(results: pd.DataFrame, *, split: str, points: pd.DataFrame) -> PromptSums:
    """Sum the outcomes of each prompt at each operating point.

    Args:
        results: Rows of results.parquet.
        split: The split.
        points: Holds `POINT_KEYS`; its order is that of the columns.

    Returns:
        Matrices of [prompts of the split at these points, points]; a prompt without completions at a point has n = 0.
    """
    rows = pair_with_baseline(results.loc[results["split"] == split, _INPUTS], outcomes=["is_refusal", "is_helpful"])
    numbered = points[POINT_KEYS].assign(point=np.arange(len(points)))
    rows = rows.merge(numbered, on=POINT_KEYS, validate="many_to_one")
    codes, ids = pd.factorize(rows["id"], sort=True)
    labels = rows.groupby("id")[["family", "cluster"]].first().reindex(ids).fillna("").astype(str)
    cell = codes * len(points) + rows["point"].to_numpy(dtype=int)

    def total(values: pd.Series) -> Array:
        size = len(ids) * len(points)
        # A row without its counterpart has NaN differences: it adds nothing to the pairs.
        sums: Array = np.bincount(cell, weights=values.fillna(0).to_numpy(dtype=float), minlength=size).astype(float)
        return sums.reshape(len(ids), len(points))

    change = rows["is_refusal_steered_only"] - rows["is_refusal_baseline_only"]
    return PromptSums(
        prompts=labels.astype(object).rename_axis("id").reset_index(),
        n=total(rows["is_refusal"].notna()),
        refusals=total(rows["is_refusal"]),
        clean_refusals=total(rows["is_refusal"] * (1 - rows["is_degenerate"].astype(float))),
        pairs=total(change.notna()),
        refusal_change=total(change),
        helpful_loss=total(rows["is_helpful_baseline_only"] - rows["is_helpful_steered_only"]),
    )


def weighted_rates(weights: npt.ArrayLike, *, sums: Array, counts: Array) -> Array:
    """Return the rates of every operating point under many weightings of the prompts.

    Args:
        weights: How often each prompt counts, [weightings, prompts].
        sums: Events of each prompt, [prompts, points].
        counts: Completions of each prompt, [prompts, points].

    Returns:
        Weighted events over weighted completions, [weightings, points]; NaN where there are no completions.
    """
    matrix = np.asarray(weights, dtype=float)
    totals = matrix @ counts
    return np.where(totals > 0, (matrix @ sums) / np.where(totals > 0, totals, 1.0), np.nan)
