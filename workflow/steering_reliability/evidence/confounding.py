"""Does an effect remain among completions of similar length and entropy, or of similar fluency?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from steering_reliability.evidence.paired_difference import PairedDifference, as_difference
from steering_reliability.statistics.intervals import Estimate, newcombe_interval, weighted_mean_of_estimates

Verdict = Literal["survives", "partly explained", "explained away", "cannot tell"]

CONFOUNDS: Final = {"length and entropy": ("n_tokens", "mean_entropy"), "fluency": ("base_logprob", "is_degenerate")}
"""What an effect is held against, by the name of the check."""
_TERCILES: Final = (1 / 3, 2 / 3)
_LEAST_OVERLAP: Final = 0.5
"""Below this share of completions in strata that hold both conditions, the matched effect speaks of too few of them."""


@dataclass(frozen=True)
class MatchedEffect:
    """An effect before and after matching.

    Attributes:
        crude: Steered minus baseline refusal rate, all completions.
        matched: The same within strata of alike completions, averaged over the strata as the baseline fills them.
        overlap: Share of the completions that lie in strata holding both conditions, in the arm where it is smaller.
    """

    crude: PairedDifference
    matched: PairedDifference
    overlap: float

    @property
    def verdict(self) -> Verdict:
        """What may be said: the words are explained in `matched_effect`."""
        if self.crude.sign == 0 or self.overlap < _LEAST_OVERLAP or np.isnan(self.matched.value):
            return "cannot tell"
        share = self.matched.value / self.crude.value
        if self.matched.sign == self.crude.sign:
            return "survives" if share >= 0.5 else "partly explained"
        farthest = self.matched.high if self.crude.sign > 0 else -self.matched.low
        return "explained away" if farthest < 0.5 * abs(self.crude.value) else "cannot tell"


def matched_effect(
    steered: pd.DataFrame, baseline: pd.DataFrame, *, crude: PairedDifference, confounds: Sequence[str]
) -> MatchedEffect:
    """Compare steered with baseline refusals among completions that are alike otherwise.

    Both sets are pooled and cut at the terciles of each confound into strata. Within each stratum that holds both, the
    refusal rates are compared as of independent groups; the differences are averaged with the baseline's completions
    as weights: what steering would do if it left the confounds as they are (direct standardisation). The effect
    survives if at least half of it remains with an interval that excludes 0, is partly explained if less remains,
    explained away if the interval reaches 0 and stays below half of the crude effect. Anything else, no crude effect
    and too little overlap cannot be told.

    Both sets are of the same prompts and one split, and `crude` is the effect on them, with its interval by template;
    the confounds are numeric or boolean columns.

    Returns:
        Crude and matched effect; NaN with n = 0 where no stratum holds both, without interval where the crude one has
        none.
    """
    pooled = pd.concat([steered.assign(is_steered=True), baseline.assign(is_steered=False)], ignore_index=True)
    pooled = pooled.dropna(subset=list(confounds))
    stratum = sum(
        (3**rank * _tercile(pooled[name]) for rank, name in enumerate(confounds)), np.zeros(len(pooled), dtype=int)
    )
    counts = _counts(pooled.assign(stratum=stratum))
    # Prompts of a template are alike within strata as well: as many independent completions are counted as the effect's
    # own interval, by template, is worth beside one of independent completions.
    apart = newcombe_interval(*counts.sum()[_ARMS].to_numpy())
    spread = crude.high - crude.low
    worth = min(1.0, (float(apart.high - apart.low) / spread) ** 2) if spread > 0 else 1.0
    shared = counts[(counts["steered_n"] > 0) & (counts["baseline_n"] > 0)]
    weights = shared["baseline_n"]
    matched = weighted_mean_of_estimates(newcombe_interval(*(worth * shared[arm] for arm in _ARMS)), weights=weights)
    if np.isnan(spread):
        nothing = np.asarray(np.nan)
        matched = Estimate(matched.value, nothing, nothing)
    arms = ["steered_n", "baseline_n"]
    total, kept = len(pooled), int(shared[arms].sum().sum())
    covered = shared[arms].sum() / counts[arms].sum() if total else pd.Series([np.nan])
    return MatchedEffect(crude=crude, matched=as_difference(matched, n=kept), overlap=float(covered.min()))


_ARMS: Final = ["steered_refusals", "steered_n", "baseline_refusals", "baseline_n"]


def _tercile(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=float)
    if len(np.unique(numbers)) <= 3:
        return np.unique(numbers, return_inverse=True)[1]
    # Where most completions have the same length, two cuts may fall together: then there are fewer strata.
    return np.asarray(np.digitize(numbers, np.quantile(numbers, _TERCILES), right=True))


def _counts(pooled: pd.DataFrame) -> pd.DataFrame:
    steered = pooled["is_steered"].astype(bool)
    refused = pooled["is_refusal"].astype(bool)
    arms = pd.DataFrame(
        {
            "steered_refusals": steered & refused,
            "steered_n": steered,
            "baseline_refusals": ~steered & refused,
            "baseline_n": ~steered,
        }
    ).astype(int)
    return arms.groupby(pooled["stratum"]).sum()
