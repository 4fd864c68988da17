"""Exact tests of every steered point against the baseline, corrected for their number."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom

from steering_reliability.analysis.baseline_pairs import CELLS, pair_with_baseline
from steering_reliability.analysis.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.analysis.schema import POINT_KEYS, SPLITS, sort_points
from steering_reliability.analysis.statistics import Array

_OUTCOMES: Final = {"refusal": "is_refusal", "helpful": "is_helpful"}

TESTS_COLUMNS: Final = [
    *("role", "direction", "intervention", "layer", "alpha", "seed", "split", "outcome"),
    *("n", "steered_only", "baseline_only", "difference", "low", "high", "p", "p_holm"),
]


def mcnemar_p(first_only: npt.ArrayLike, *, second_only: npt.ArrayLike) -> Array:
    """Return the exact two-sided p-value that two conditions differ on the same units.

    Args:
        first_only: Units that succeed only under the first condition, any shape.
        second_only: Units that succeed only under the second, broadcastable to it.

    Returns:
        p in (0, 1]; 1 where no unit differs.

    Source: McNemar (1947), Psychometrika 12, 153-157, by the exact binomial distribution.
    """
    b, c = np.broadcast_arrays(np.asarray(first_only, dtype=float), np.asarray(second_only, dtype=float))
    return np.asarray(np.minimum(1.0, 2 * binom.cdf(np.minimum(b, c), b + c, 0.5)))


def holm(p_values: npt.ArrayLike, *, families: npt.ArrayLike | None = None) -> Array:
    """Return p-values corrected for their number by Holm's step-down method.

    Args:
        p_values: p-values, [tests]; NaN stays NaN and does not count as a test.
        families: Label of the family that each test is corrected within, [tests]; one family by default.

    Returns:
        Corrected p-values, [tests], in [0, 1]: those at most 0.05 are wrong in 5% of families at most, however the
        tests hang together.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    p = np.asarray(p_values, dtype=float)
    labels = np.zeros(p.shape) if families is None else np.asarray(families)
    corrected = np.full(p.shape, np.nan)
    for label in np.unique(labels):
        (places,) = np.nonzero((labels == label) & ~np.isnan(p))
        places = places[np.argsort(p[places], kind="stable")]
        stepped = p[places] * np.arange(len(places), 0, -1)
        corrected[places] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected


def tests_table(results: pd.DataFrame) -> pd.DataFrame:
    """Test refusal and helpfulness of every steered point of the study against the baseline.

    The unit is the prompt. With one sample per prompt the test is McNemar's exact one. With several, each prompt is
    reduced to the difference of its two means, and the test is the exact sign test on the prompts whose means differ.

    Args:
        results: The columns of `SUMMARY_INPUTS`.

    Returns:
        Columns `TESTS_COLUMNS`, one row per point, split and outcome: n prompts; steered_only and baseline_only, the
        prompts where the outcome is more frequent on that side; difference, steered minus baseline rate, with
        `clustered_difference`'s 95% interval by prompt (with one sample Newcombe's); p; and p_holm, corrected over the
        study's grid within the split and outcome. Missing is NaN with n = 0.
    """
    study = pair_with_baseline(results[results["role"] == "main"], outcomes=list(_OUTCOMES.values()))
    steered = study[~study["from_baseline"].astype(bool)]
    points = steered[POINT_KEYS].drop_duplicates().sort_values(POINT_KEYS)
    if points.empty:
        return pd.DataFrame(columns=TESTS_COLUMNS)
    index = pd.MultiIndex.from_frame(points)
    parts = [
        _tests(steered[steered["split"] == split], flag, index).assign(split=split, outcome=outcome)
        for split in SPLITS
        for outcome, flag in _OUTCOMES.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table["p_holm"] = holm(table["p"], families=(table["split"] + "/" + table["outcome"]).to_numpy(dtype=str))
    return sort_points(table)[TESTS_COLUMNS]


def _tests(rows: pd.DataFrame, flag: str, points: pd.MultiIndex) -> pd.DataFrame:
    if rows.empty:
        missing = dict.fromkeys(("difference", "low", "high", "p"), np.nan)
        return points.to_frame(index=False).assign(n=0, steered_only=0, baseline_only=0, **missing)
    names = [f"{flag}_{cell}" for cell in CELLS]
    prompts = rows.groupby([*POINT_KEYS, "id"])[names].sum().unstack("id").reindex(points).fillna(0.0)
    counts = PairedCounts(*(prompts[name].to_numpy(dtype=float) for name in names))
    n = (counts.sizes > 0).sum(-1)
    steered_only, baseline_only = (counts.differences > 0).sum(-1), (counts.differences < 0).sum(-1)
    estimate = clustered_difference(counts)
    return points.to_frame(index=False).assign(
        n=n,
        steered_only=steered_only,
        baseline_only=baseline_only,
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p=np.where(n > 0, mcnemar_p(steered_only, second_only=baseline_only), np.nan),
    )
