"""Refusals of two conditions on the same prompts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from steering_reliability.analysis.schema import GROUP_KEYS
from steering_reliability.analysis.statistics import Estimate, newcombe_paired_interval


@dataclass(frozen=True)
class Comparison:
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
        if self.n == 0:
            return "no data"
        return f"{100 * self.value:+.0f} points (95% interval {100 * self.low:+.0f} to {100 * self.high:+.0f})"


def compare_refusals(first: pd.DataFrame, second: pd.DataFrame) -> Comparison:
    """Return the refusal rate of `first` minus that of `second` on the (id, sample) pairs that both hold.

    Args:
        first: Completions of one condition on one split.
        second: Completions of another.

    Returns:
        Difference with Newcombe's interval for paired data; NaN with n = 0 if they share no pair.
    """
    keys = ["id", "sample"]
    pairs = first[[*keys, "is_refusal"]].merge(second[[*keys, "is_refusal"]], on=keys, suffixes=("", "_other"))
    one, other = pairs["is_refusal"].astype(bool), pairs["is_refusal_other"].astype(bool)
    cells = ((one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum())
    return as_comparison(newcombe_paired_interval(*cells), n=len(pairs))


def as_comparison(estimate: Estimate, *, n: int) -> Comparison:
    """Return a scalar estimate as a comparison of plain floats."""
    value, low, high = (float(np.asarray(part)) for part in estimate)
    return Comparison(value=value, low=low, high=high, n=n)


def select_point(results: pd.DataFrame, *, split: str, point: Mapping[str, Any]) -> pd.DataFrame:
    """Return the completions of one operating point on one split.

    Args:
        results: Rows of results.parquet.
        split: The split.
        point: role, direction, intervention, layer, seed and alpha (0 for its baseline).

    Returns:
        The rows, by id and sample.
    """
    chosen = results["split"] == split
    for key in [*GROUP_KEYS, "alpha"]:
        chosen &= results[key] == point[key]
    return results[chosen].sort_values(["id", "sample"])
