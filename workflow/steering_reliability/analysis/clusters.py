"""Intervals that allow for prompts sampled several times and for prompts of one family being alike, as a long table."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.analysis.baseline_pairs import CELLS, pair_with_baseline
from steering_reliability.analysis.cluster_bootstrap import (
    RESAMPLES,
    bootstrap_difference,
    bootstrap_effect_gap,
    bootstrap_rate,
)
from steering_reliability.analysis.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.analysis.schema import POINT_KEYS, SPLITS, sort_points
from steering_reliability.analysis.statistics import Array, Estimate, difference_of_estimates

__all__ = [
    "CLUSTERED_COLUMNS",
    "PairedCounts",
    "bootstrap_difference",
    "bootstrap_effect_gap",
    "bootstrap_rate",
    "clustered_difference",
    "clustered_effect_gap",
    "clustered_rate",
    "clustered_table",
]

_OUTCOMES: Final = {"refusal": "is_refusal", "helpful": "is_helpful"}

CLUSTERED_COLUMNS: Final = [
    *("role", "direction", "intervention", "layer", "alpha", "seed", "quantity", "split", "value", "n"),
    *("n_prompts", "prompt_low", "prompt_high", "n_families", "family_low", "family_high"),
]


def clustered_table(results: pd.DataFrame, *, seed: int = 0, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Return the study's rates, effects and gaps, each with an interval by prompt and one by family.

    The interval by prompt answers for new samples and prompts of the same families; the one by family for new families
    as well, which is the wider claim where prompts come from few families and templates. Rates and effects have the
    intervals of `clustered_rate` and `clustered_difference`, gap the difference of two such rates, effect_gap the
    cluster bootstrap: what covered in simulations, from 8 clusters. Families of the same name in harm_train and
    harm_test count as two, since their prompts differ.

    Args:
        results: The columns of `SUMMARY_INPUTS` and family.
        seed: Of the bootstrap.
        resamples: Of the bootstrap.

    Returns:
        Columns `CLUSTERED_COLUMNS`, one row per operating point of the study (baseline included), quantity and split:
        refusal and helpful (rates), refusal_effect (steered minus baseline), helpfulness_drop (benign, baseline minus
        steered), and without a split gap (refusal, harm_train minus harm_test) and effect_gap (the same of the
        effects). n counts completions, for an effect pairs, for a gap those of both splits. Missing is NaN with n = 0;
        where a prompt has no family the split has no interval by family.
    """
    study = pair_with_baseline(results[results["role"] == "main"], outcomes=list(_OUTCOMES.values()))
    starts = study.groupby(POINT_KEYS, sort=True)["from_baseline"].first()
    points = pd.MultiIndex.from_tuples(list(starts.index), names=POINT_KEYS)
    by_prompt, by_family = (
        _estimates(
            _Counts(study, unit, points), is_baseline=starts.to_numpy(dtype=bool), seed=seed, resamples=resamples
        )
        for unit in ("id", "family")
    )
    parts = [_rows(points, key, by_prompt[key], by_family[key]) for key in by_prompt]
    table = pd.concat(parts, ignore_index=True) if len(points) else pd.DataFrame(columns=CLUSTERED_COLUMNS)
    return sort_points(table)[CLUSTERED_COLUMNS]


@dataclass(frozen=True)
class _Counted:
    """An estimate per operating point with the completions and the clusters it rests on."""

    estimate: Estimate
    n: Array
    clusters: Array

    def exactly_nothing(self, at: np.ndarray) -> "_Counted":
        """Make the baseline's difference from itself 0 without an interval: it is so by definition, not by estimate."""
        parts = (np.where(at & ~np.isnan(part), 0.0, part) for part in self.estimate)
        return _Counted(Estimate(*parts), self.n, self.clusters)


_Key = tuple[str, str]
"""Quantity and split; no split for a gap."""


@dataclass(frozen=True)
class _Counts:
    """The study's completions, counted per operating point and cluster."""

    study: pd.DataFrame
    unit: str
    points: pd.MultiIndex

    def rate(self, flag: str, split: str) -> _Counted:
        """Return the rate of an outcome."""
        sizes = self._sums(flag, split, how="count")
        return _counted(clustered_rate(self._sums(flag, split), sizes=sizes), sizes)

    def pairs(self, flag: str, split: str) -> PairedCounts:
        """Return the pairs of an outcome, each field [points, clusters]."""
        return PairedCounts(*(self._sums(f"{flag}_{cell}", split) for cell in CELLS))

    def _sums(self, column: str, split: str, how: str = "sum") -> Array:
        rows = self.study[self.study["split"] == split]
        if rows.empty or rows[self.unit].isna().any():
            return np.zeros((len(self.points), 0))
        sums = rows.groupby([*POINT_KEYS, self.unit])[column].agg(how).unstack(self.unit)
        return sums.reindex(self.points).fillna(0.0).to_numpy(dtype=float)


def _estimates(counts: _Counts, *, is_baseline: np.ndarray, seed: int, resamples: int) -> dict[_Key, _Counted]:
    found = {(name, split): counts.rate(flag, split) for name, flag in _OUTCOMES.items() for split in SPLITS}
    refusals = {split: counts.pairs(_OUTCOMES["refusal"], split) for split in SPLITS}
    for split, pairs in refusals.items():
        found["refusal_effect", split] = _counted(clustered_difference(pairs), pairs.sizes)
    helpful = counts.pairs(_OUTCOMES["helpful"], "benign")
    value, low, high = clustered_difference(helpful)
    found["helpfulness_drop", "benign"] = _counted(Estimate(-value + 0.0, -high + 0.0, -low + 0.0), helpful.sizes)
    train, test = found["refusal", "harm_train"], found["refusal", "harm_test"]
    found["gap", ""] = _over_splits(difference_of_estimates(train.estimate, test.estimate), train, test)
    gap = bootstrap_effect_gap(refusals["harm_train"], second=refusals["harm_test"], seed=seed, resamples=resamples)
    train, test = found["refusal_effect", "harm_train"], found["refusal_effect", "harm_test"]
    found["effect_gap", ""] = _over_splits(gap, train, test)
    changes = [key for key in found if key[0] in ("refusal_effect", "helpfulness_drop", "effect_gap")]
    return found | {key: found[key].exactly_nothing(is_baseline) for key in changes}


def _counted(estimate: Estimate, sizes: Array) -> _Counted:
    return _Counted(estimate, sizes.sum(-1), (sizes > 0).sum(-1))


def _over_splits(gap: Estimate, first: _Counted, second: _Counted) -> _Counted:
    # A gap to a split that is not there rests on nothing, whatever the other split holds.
    known = ~np.isnan(gap.value)
    n, clusters = first.n + second.n, first.clusters + second.clusters
    return _Counted(gap, np.where(known, n, 0), np.where(known, clusters, 0))


def _rows(points: pd.MultiIndex, key: _Key, by_prompt: _Counted, by_family: _Counted) -> pd.DataFrame:
    frame = points.to_frame(index=False)
    return frame.assign(
        quantity=key[0],
        split=key[1],
        value=by_prompt.estimate.value,
        n=by_prompt.n.astype("int64"),
        n_prompts=by_prompt.clusters.astype("int64"),
        prompt_low=by_prompt.estimate.low,
        prompt_high=by_prompt.estimate.high,
        n_families=by_family.clusters.astype("int64"),
        family_low=by_family.estimate.low,
        family_high=by_family.estimate.high,
    )
