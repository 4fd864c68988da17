"""The difference of refusal between two conditions on the same prompts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.results.schema import at_point
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.intervals import Estimate
from steering_reliability.text.numbers import interval, signed

SAME_WITHIN: Final = 0.15
"""Two effects are alike where the whole 95% interval of their difference lies within this on either side."""


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two refusal rates on the same completions' prompts, with its interval and n."""

    value: float
    low: float
    high: float
    n: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval excludes 0, else 0 (also where there are no data)."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    def __str__(self) -> str:
        """Return it in percentage points, for a sentence."""
        if self.n == 0 or math.isnan(self.value):
            return "no data"
        if math.isnan(self.low):
            return f"{signed(self.value)} points (no interval)"
        return f"{signed(self.value)} points (95% interval {interval(self.low, self.high)})"


def refusal_difference(first: pd.DataFrame, second: pd.DataFrame) -> PairedDifference:
    """Return the refusal rate of `first` minus that of `second` on the (id, sample) pairs that both hold.

    Returns:
        Difference with the interval of `clustered_difference`; NaN with n = 0 if they share no pair.
    """
    keys, flag = ["id", "sample"], "is_refusal"
    pairs = first[[*keys, "cluster", flag]].merge(second[[*keys, flag]], on=keys, suffixes=("", "_other"))
    one, other = pairs[flag].astype(bool), pairs[f"{flag}_other"].astype(bool)
    cells = pd.DataFrame({"both": one & other, "first": one & ~other, "second": ~one & other, "none": ~one & ~other})
    sums = cells.astype(float).groupby(pairs["cluster"], sort=True).sum()
    counts = PairedCounts(*(sums[name].to_numpy(dtype=float) for name in cells))
    return as_difference(clustered_difference(counts), n=int(counts.sizes.sum()))


def as_difference(estimate: Estimate, *, n: int) -> PairedDifference:
    """Return a scalar estimate as plain floats."""
    value, low, high = (float(np.asarray(part)) for part in estimate)
    return PairedDifference(value=value, low=low, high=high, n=n)


def select_point(results: pd.DataFrame, *, split: str, point: Mapping[str, Any]) -> pd.DataFrame:
    """Return the completions of one operating point on one split, by id and sample."""
    return at_point(results[results["split"] == split], point).sort_values(["id", "sample"])
