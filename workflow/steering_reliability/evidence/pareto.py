"""The points that no other point beats on both refusal and helpfulness, and the one that the report shows."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.results.schema import as_records

MAX_HELPFULNESS_DROP: Final = 0.2
"""The recommended point gives up at most this share of helpful benign answers, where any point does."""


def on_pareto_frontier(*, gain: npt.NDArray[np.float64], cost: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which points are on the frontier of the largest gain at the smallest cost.

    A point is on it if no other point is at least as good on both and better on one; equal points share their fate.

    Args:
        gain: What to maximise, [n].
        cost: What to minimise, [n].

    Returns:
        Flags, [n]; a point with a missing coordinate is never on the frontier.
    """
    # Rates that are equal as fractions differ in the last bit once they were subtracted.
    gains, costs = np.round(gain, 12), np.round(cost, 12)
    flags = np.zeros(gains.shape, dtype=bool)
    usable = np.flatnonzero(np.isfinite(gains) & np.isfinite(costs))
    best = -np.inf
    for value in np.unique(costs[usable]):
        here = usable[costs[usable] == value]
        top = gains[here].max()
        if top > best:
            flags[here[gains[here] == top]] = True
            best = top
    return flags


def pareto_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the frontier by helpfulness drop, the baseline (if it is on it) once and under no condition.

    Args:
        summary: From `summarise`.

    Returns:
        Rows of the summary; for the baseline direction and intervention are "none" and layer is missing.
    """
    frontier = summary[summary["on_pareto"]].copy()
    frontier["layer"] = frontier["layer"].astype("Int64")
    from_baseline = frontier["from_baseline"].astype(bool)
    frontier.loc[from_baseline, ["direction", "intervention"]] = "none"
    frontier.loc[from_baseline, "layer"] = pd.NA
    unique = frontier.drop_duplicates(["direction", "intervention", "layer", "alpha", "seed"])
    order = ["helpfulness_drop", "refusal_harm_test", "direction", "intervention", "layer", "alpha", "seed"]
    return unique.sort_values(order, kind="stable").reset_index(drop=True)


def recommended_point(summary: pd.DataFrame) -> dict[str, Any] | None:
    """Return the operating point that the report and the examples show, chosen without a look at harm_test.

    The highest share of refusals that are not degenerate on the harm_train prompts that built the direction (on all of
    harm_train where none is known to have), with a helpfulness drop of at most `MAX_HELPFULNESS_DROP`; if every drop is
    larger, the smallest drop. Ties go to the smaller drop, then the weaker steering. So neither the effect on harm_test
    nor the gap, which rests on the other harm_train prompts, is flattered by the choice; the drop is.

    Args:
        summary: From `summarise`.

    Returns:
        A row of the summary, or None where no steered point of the study has both numbers.
    """
    steered = summary[(summary["role"] == "main") & ~summary["from_baseline"].astype(bool)]
    gain = choosing_rate(summary)
    ranked = steered.dropna(subset=[gain, "helpfulness_drop"]).copy()
    ranked = ranked.assign(strength=ranked["relative_strength"].abs())
    if ranked.empty:
        return None
    ties = ["strength", "direction", "intervention", "layer", "alpha", "seed"]
    affordable = ranked[ranked["helpfulness_drop"] <= MAX_HELPFULNESS_DROP + 1e-9]
    if affordable.empty:
        ranked = ranked.sort_values(["helpfulness_drop", *ties])
    else:
        order = [gain, "helpfulness_drop", *ties]
        ranked = affordable.sort_values(order, ascending=[False] + [True] * (len(order) - 1))
    return as_records(ranked.head(1).drop(columns="strength"))[0]


def choosing_rate(summary: pd.DataFrame) -> str:
    """Return the column of the summary that the recommended point is chosen by."""
    in_direction = "clean_refusal_harm_train_seen"
    return in_direction if (summary[f"{in_direction}_n"] > 0).any() else "clean_refusal_harm_train"
