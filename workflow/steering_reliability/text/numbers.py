"""Numbers in sentences: counts, percentages and intervals, rounded in one way."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def rounded(number: float) -> int:
    """Round to a whole number, halves away from zero: 7.5 gives 8, 32.5 gives 33, -2.5 gives -3."""
    # A share such as 13/40 is not exact: 100 * 0.325 may lie a last bit below the half.
    return int(math.copysign(math.floor(abs(number) + 0.5 + 1e-9), number))


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{rounded(100 * share)}%"


def signed(share: float) -> str:
    """Return a difference of shares in whole points, with its sign."""
    return f"{rounded(100 * share):+d}"


def count_of(successes: float, n: float) -> str:
    """Return a rate as a count and a percentage: `13/40 (33%)`."""
    return f"{rounded(successes)}/{rounded(n)} ({percent(successes / n)})" if n else "no data"


def listed(items: Sequence[float | str]) -> str:
    """Return numbers or names as a sentence has them: `10, 14 and 18`."""
    *first, last = (item if isinstance(item, str) else f"{item:g}" for item in items)
    return f"{', '.join(first)} and {last}" if first else last


def interval(low: float, high: float) -> str:
    """Return an interval of a difference in points: `-2 to +14`."""
    return f"{signed(low)} to {signed(high)}"


def rate(row: Mapping[str, Any], name: str) -> str:
    """Return a rate of a row of the summary in words, with its interval (columns `name`_n, `name`_low, `name`_high)."""
    n = int(row[f"{name}_n"])
    if n == 0:
        return "no data"
    if math.isnan(row[f"{name}_low"]):
        return f"{count_of(row[name] * n, n)}, no interval"
    low, high = (rounded(100 * row[f"{name}_{end}"]) for end in ("low", "high"))
    return f"{rounded(row[name] * n)}/{n} ({percent(row[name])}, 95% interval {low} to {high})"


def points(row: Mapping[str, Any], name: str) -> str:
    """Return a difference of the summary with its interval, in percentage points."""
    if math.isnan(row[name]):
        return "no data"
    if math.isnan(row[f"{name}_low"]):
        return f"{signed(row[name])} points, no interval"
    return f"{signed(row[name])} points (95% interval {interval(row[f'{name}_low'], row[f'{name}_high'])})"
