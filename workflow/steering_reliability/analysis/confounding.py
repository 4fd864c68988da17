"""Does an effect remain among completions of like length and entropy?"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from steering_reliability.analysis.paired import Comparison, as_comparison
from steering_reliability.analysis.statistics import newcombe_interval, weighted_mean_of_estimates

Verdict = Literal["survives", "partly explained", "explained away", "cannot tell"]

CONFOUNDS: Final = ("n_tokens", "mean_entropy")
_TERCILES: Final = (1 / 3, 2 / 3)
_LEAST_OVERLAP: Final = 0.5
"""Below this share of completions in strata that hold both conditions, the matched effect speaks of too few of them."""


@dataclass(frozen=True)
class MatchedEffect:
    """An effect before and after matching.

    Attributes:
        crude: Steered minus baseline refusal rate, all completions.
        matched: The same within strata of like length and entropy, averaged over the strata.
        overlap: Share of the completions that lie in strata holding both conditions.
    """

    crude: Comparison
    matched: Comparison
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


def matched_effect(steered: pd.DataFrame, baseline: pd.DataFrame) -> MatchedEffect:
    """Compare steered with baseline refusals among completions of like length and entropy.

    Both sets are pooled and cut at the terciles of n_tokens and mean_entropy into at most nine strata. Within each
    stratum that holds both, the refusal rates are compared as of independent groups; the differences are averaged with
    the pooled number of completions as weights. The effect survives if at least half of it remains with an interval
    that excludes 0, is partly explained if less remains, explained away if the interval reaches 0 and stays below half
    of the crude effect. Anything else, no crude effect and too little overlap cannot be told.

    Args:
        steered: Completions of one condition on one split.
        baseline: The unsteered completions of the same prompts.

    Returns:
        Crude and matched effect; NaN with n = 0 where no stratum holds both.
    """
    pooled = pd.concat([steered.assign(is_steered=True), baseline.assign(is_steered=False)], ignore_index=True)
    pooled = pooled.dropna(subset=list(CONFOUNDS))
    stratum = sum(
        (3**rank * _tercile(pooled[name]) for rank, name in enumerate(CONFOUNDS)), np.zeros(len(pooled), dtype=int)
    )
    counts = _counts(pooled.assign(stratum=stratum))
    crude = newcombe_interval(*counts.sum()[_ARMS].to_numpy())
    shared = counts[(counts["steered_n"] > 0) & (counts["baseline_n"] > 0)]
    weights = shared["steered_n"] + shared["baseline_n"]
    matched = weighted_mean_of_estimates(newcombe_interval(*(shared[arm] for arm in _ARMS)), weights=weights)
    total, kept = len(pooled), int(weights.sum())
    return MatchedEffect(
        crude=as_comparison(crude, n=total),
        matched=as_comparison(matched, n=kept),
        overlap=kept / total if total else float("nan"),
    )


_ARMS: Final = ["steered_refusals", "steered_n", "baseline_refusals", "baseline_n"]


def _tercile(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=float)
    if numbers.size == 0:
        return np.zeros(0, dtype=int)
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
