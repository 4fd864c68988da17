"""One row per operating point: every rate with its n and interval, the costs, the gaps and the Pareto frontier."""

from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.analysis.baseline_pairs import CELLS, pair_with_baseline
from steering_reliability.analysis.pareto import on_pareto_frontier
from steering_reliability.analysis.schema import POINT_KEYS, ROW_KEYS, SPLITS, sort_points
from steering_reliability.analysis.statistics import (
    Estimate,
    difference_of_estimates,
    newcombe_interval,
    newcombe_paired_interval,
    wilson_interval,
)

SUMMARY_INPUTS: Final = [
    *POINT_KEYS,
    *ROW_KEYS,
    "builds_direction",
    "from_baseline",
    "coefficient",
    "relative_strength",
    "is_refusal",
    "is_helpful",
    "is_degenerate",
    "n_tokens",
    "mean_entropy",
    "base_logprob",
    "first_token_kl",
]
"""The columns of results.parquet that the summary reads."""

_OUTCOMES: Final = {
    "refusal": "is_refusal",
    "clean_refusal": "is_clean_refusal",
    "helpful": "is_helpful",
    "degenerate": "is_degenerate",
}
_MEANS: Final = ("n_tokens", "mean_entropy", "base_logprob", "first_token_kl")
_PAIRED: Final = ("is_refusal", "is_helpful")
_UNSEEN: Final = "harm_train_unseen"
"""The harm_train prompts that did not build the direction, summarised like a split of their own."""


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Summarise results.parquet, one row per (role, direction, intervention, layer, alpha, seed), baseline included.

    Args:
        results: At least the columns of `SUMMARY_INPUTS`.

    Returns:
        Per split the rates refusal, clean_refusal (a refusal that is not degenerate), helpful and degenerate, each
        with _n, _low and _high (95% Wilson); the paired change of refusal against the baseline (refusal_effect);
        means of length, entropy, base_logprob and first-token KL. Over the splits helpfulness_drop (benign, baseline
        minus steered), gap (harm_train minus harm_test), effect_gap (the same of the effects), each with its interval,
        and on_pareto. The harm_train prompts that did not build the direction give refusal_harm_train_unseen,
        gap_unseen and effect_gap_unseen. Missing is NaN with n = 0.
    """
    rows = _with_outcomes(results)
    unseen = rows[(rows["split"] == "harm_train") & ~rows["builds_direction"].astype(bool)]
    parts = pd.concat([rows, unseen.assign(split=_UNSEEN)])
    counts = parts.groupby([*POINT_KEYS, "split"], sort=True)
    by_split = {split: _of_split(counts, split) for split in (*SPLITS, _UNSEEN)}
    points = rows.groupby(POINT_KEYS, sort=True)
    summary = points[["from_baseline", "coefficient", "relative_strength", "first_token_kl"]].agg(
        {"from_baseline": "first", "coefficient": "first", "relative_strength": "first", "first_token_kl": "mean"}
    )
    columns: dict[str, pd.Series | np.ndarray] = {}
    sums = {split: frame.reindex(summary.index) for split, frame in by_split.items()}
    for split in SPLITS:
        columns |= _rates(sums[split], split)
    unseen_refusal = wilson_interval(sums[_UNSEEN]["is_refusal"].fillna(0), sums[_UNSEEN]["n"].fillna(0))
    columns |= _named(f"refusal_{_UNSEEN}", unseen_refusal)
    columns |= {f"refusal_{_UNSEEN}_n": sums[_UNSEEN]["n"].fillna(0).astype("int64").to_numpy()}
    columns |= _contrasts(sums)
    columns |= _exactly_nothing(columns, summary["from_baseline"].to_numpy(dtype=bool))
    for split in SPLITS:
        columns |= {f"{name}_{split}": sums[split][name].to_numpy() for name in _MEANS}
    summary = pd.concat([summary, pd.DataFrame(columns, index=summary.index)], axis=1).reset_index()
    summary["on_pareto"] = _on_pareto(summary)
    return sort_points(summary)


def _with_outcomes(results: pd.DataFrame) -> pd.DataFrame:
    """Add the outcomes as 0/1 numbers, and beside each row the outcomes of the baseline on the same prompt."""
    rows = results[SUMMARY_INPUTS].copy()
    rows["is_clean_refusal"] = rows["is_refusal"].astype(bool) & ~rows["is_degenerate"].astype(bool)
    for flag in _OUTCOMES.values():
        rows[flag] = rows[flag].astype(float)
    return pair_with_baseline(rows, outcomes=list(_PAIRED))


def _of_split(counts: "pd.api.typing.DataFrameGroupBy", split: str) -> pd.DataFrame:  # type: ignore[type-arg]
    """Return, per operating point, the counts and means of one split."""
    summed = [*_OUTCOMES.values(), *(f"{name}_{cell}" for name in _PAIRED for cell in CELLS)]
    frame = pd.concat([counts[summed].sum(), counts[list(_MEANS)].mean(), counts.size().rename("n")], axis=1)
    chosen = frame[frame.index.get_level_values("split") == split]
    return chosen.droplevel("split")


def _rates(sums: pd.DataFrame, split: str) -> dict[str, pd.Series | np.ndarray]:
    n = sums["n"].fillna(0).astype("int64")
    columns: dict[str, pd.Series | np.ndarray] = {}
    for name, flag in _OUTCOMES.items():
        rate = wilson_interval(sums[flag].fillna(0), n)
        columns |= {f"{name}_{split}": rate.value, f"{name}_{split}_n": n.to_numpy()}
        columns |= {f"{name}_{split}_low": rate.low, f"{name}_{split}_high": rate.high}
    return columns


def _contrasts(sums: dict[str, pd.DataFrame]) -> dict[str, pd.Series | np.ndarray]:
    effects = {split: _paired(frame, "is_refusal") for split, frame in sums.items()}
    columns: dict[str, pd.Series | np.ndarray] = {}
    for split in SPLITS:
        columns |= _named(f"refusal_effect_{split}", effects[split])
    helpful = _paired(sums["benign"], "is_helpful")
    columns |= _named("helpfulness_drop", Estimate(-helpful.value, -helpful.high, -helpful.low))
    for train, suffix in (("harm_train", ""), (_UNSEEN, "_unseen")):
        pair = (sums[train], sums["harm_test"])
        gap = newcombe_interval(*(frame[name].fillna(0) for frame in pair for name in ("is_refusal", "n")))
        columns |= _named(f"gap{suffix}", gap)
        columns |= _named(f"effect_gap{suffix}", difference_of_estimates(effects[train], effects["harm_test"]))
    return columns


def _exactly_nothing(columns: dict[str, pd.Series | np.ndarray], from_baseline: np.ndarray) -> dict[str, np.ndarray]:
    """Make the baseline's difference from itself 0 without an interval: it is so by definition, not by estimate."""
    stems = [*(f"refusal_effect_{split}" for split in SPLITS), "helpfulness_drop", "effect_gap", "effect_gap_unseen"]
    names = [f"{stem}{part}" for stem in stems for part in ("", "_low", "_high")]
    values = {name: np.asarray(columns[name], dtype=float) for name in names}
    return {name: np.where(from_baseline & ~np.isnan(value), 0.0, value) for name, value in values.items()}


def _paired(sums: pd.DataFrame, name: str) -> Estimate:
    return newcombe_paired_interval(*(sums[f"{name}_{cell}"].fillna(0) for cell in CELLS))


def _named(name: str, estimate: Estimate) -> dict[str, pd.Series | np.ndarray]:
    return {name: estimate.value + 0.0, f"{name}_low": estimate.low + 0.0, f"{name}_high": estimate.high + 0.0}


def _on_pareto(summary: pd.DataFrame) -> np.ndarray:
    main = (summary["role"] == "main").to_numpy()
    flags = np.zeros(len(summary), dtype=bool)
    flags[main] = on_pareto_frontier(
        gain=summary.loc[main, "refusal_harm_test"].to_numpy(), cost=summary.loc[main, "helpfulness_drop"].to_numpy()
    )
    return flags
