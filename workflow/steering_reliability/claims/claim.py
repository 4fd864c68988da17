"""One row of claims.csv: its columns, its verdict, and the words that every claim shares."""

import math
from collections.abc import Mapping
from typing import Any, Final

from steering_reliability.statistics.multiplicity import LEVEL
from steering_reliability.text.numbers import interval

CLAIMS_COLUMNS: Final = [
    *("claim", "verdict", "finding", "value", "low", "high", "n", "n_clusters", "styles_low", "styles_high"),
    *("other_styles", "p", "p_corrected", "where", "sentence"),
]

Claim = dict[str, Any]
Row = Mapping[str, Any]


def is_shown(found: Row) -> bool:
    """Whether the interval excludes 0 and the corrected p is at most 0.05."""
    excluded = found["low"] > 0 or found["high"] < 0
    return bool(excluded and found["p_corrected"] <= LEVEL)


def place(found: Row) -> str:
    """Return where a claim is made, in words."""
    if "other_layer" in found:
        return f"{found['intervention']} {found['alpha']:g}: layer {found['layer']} minus {found['other_layer']}"
    return f"{found['intervention']}, layer {found['layer']}, alpha {found['alpha']:g}" if found else "no steered point"


def for_other_styles(found: Row, *, chosen_by_p: bool = False) -> str:
    """Return whether a claim would hold for styles that were not asked.

    Returns:
        `holds` where the claim is shown and the interval for other styles excludes 0 too, `one style` where there is no
        such interval, `not given` at a point that was chosen by its p (the interval pays for no choice), else `cannot
        tell`.
    """
    low, high = found.get("styles_low", math.nan), found.get("styles_high", math.nan)
    if math.isnan(low):
        return "one style"
    if chosen_by_p:
        return "not given"
    return "holds" if is_shown(found) and (low > 0 or high < 0) else "cannot tell"


def intervals(found: Row, *, sign: int = 1, styles: bool = True) -> str:
    """Return the intervals of a difference in words.

    Args:
        found: low, high, styles_low and styles_high.
        sign: -1 turns the difference round.
        styles: Whether to give the one for other styles.
    """
    low, high = sorted((sign * found["low"], sign * found["high"]))
    words = f"95% interval {interval(low, high)} for other prompts in these styles"
    if not styles or math.isnan(found["styles_low"]):
        return words
    low, high = sorted((sign * found["styles_low"], sign * found["styles_high"]))
    return f"{words}, {interval(low, high)} for other styles"


def p_text(found: Row) -> str:
    """Return a corrected p with two digits, three where two would round it to the level."""
    p = found["p_corrected"]
    short = f"{p:.2g}"
    return f"{p:.3g}" if p > LEVEL and float(short) <= LEVEL else short


def no_interval(found: Row) -> str:
    """Return why there is no interval, empty where there is one."""
    if not math.isnan(found["low"]):
        return ""
    return "the prompts of a split are all of one template, or one prompt, so there is no interval"


def numbers_of(found: Row, value: str, *, chosen_by_p: bool = False) -> dict[str, Any]:
    """Return the numeric columns of a claim; NaN with n = 0 where nothing was found."""
    missing = float("nan")
    numbers = {name: found.get(name, missing) for name in ("low", "high", "p", "p_corrected")}
    styles = {name: missing if chosen_by_p else found.get(name, missing) for name in ("styles_low", "styles_high")}
    told = for_other_styles(found, chosen_by_p=chosen_by_p) if found else "no data"
    return {**numbers, **styles, "value": found.get(value, missing), "other_styles": told, "where": place(found)}
