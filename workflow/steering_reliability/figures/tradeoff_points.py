"""What the trade-off shows, for the picture and for the page's chart: the same points, names, intervals and axes."""

from typing import Final

import pandas as pd

from steering_reliability.figures.controls import CONTROL_STYLES, control_points
from steering_reliability.figures.panels import percent, study_points
from steering_reliability.figures.style import INK, LineStyle, series_styles
from steering_reliability.results.schema import POINT_KEYS

COST: Final = "helpfulness_drop"
REFUSAL: Final = "refusal_harm_test"
COST_TITLE: Final = "helpful answers to benign prompts given up (points)"
REFUSAL_TITLE: Final = "harm_test prompts refused"
REFUSAL_LIMITS: Final = (-0.03, 1.03)
READING: Final = "Up and left is better; the line joins the points that no other beats on both"

_COLUMNS: Final = [
    *POINT_KEYS, "relative_strength", "from_baseline", "on_pareto", "degenerate_harm_test",
    *(f"{name}{end}" for name in (COST, REFUSAL) for end in ("", "_low", "_high")),
    "refusal_harm_test_n", *(f"helpful_benign{end}" for end in ("", "_low", "_high", "_n")),
]  # fmt: skip

UNSTEERED: Final = "unsteered"
MOSTLY_DEGENERATE: Final = "mostly degenerate"
_MOST: Final = 0.5


def tradeoff_points(summary: pd.DataFrame) -> pd.DataFrame:
    """Return every point of the trade-off, to be drawn in this order: steered ones, controls, the unsteered model.

    Args:
        summary: From `summarise`.

    Returns:
        Rows of the summary with `series` (the entry of the legend), `is_hollow`, `is_mostly_degenerate` and `label` (of
        the frontier's steered points, else empty); the unsteered model once, and only the study on the frontier.
    """
    study = study_points(summary)
    baseline = study["from_baseline"].astype(bool)
    points = pd.concat([study[~baseline], control_points(summary), study[baseline].head(1)])
    points = points.loc[points[[COST, REFUSAL]].notna().all(axis=1), _COLUMNS].reset_index(drop=True)
    is_study, is_steered = points["role"] == "main", ~points["from_baseline"].astype(bool)
    degenerate = points["degenerate_harm_test"] > _MOST
    return points.assign(
        series=[_series(row) for _, row in points.iterrows()],
        is_hollow=is_steered & ((is_study & (points["intervention"] == "ablate")) | (points["role"] == "shuffled")),
        is_mostly_degenerate=is_steered & is_study & degenerate,
        on_pareto=is_study & points["on_pareto"].astype(bool),
        label=[_label(row) for _, row in points.iterrows()],
    )


def tradeoff_frontier(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the frontier by cost."""
    return points[points["on_pareto"]].sort_values([COST, REFUSAL], kind="stable")


def tradeoff_styles(points: pd.DataFrame) -> dict[str, LineStyle]:
    """Return the look of each series, in the order of the legend; what is `INK` takes the colour of the text."""
    layers = sorted(points.loc[(points["role"] == "main") & (points["series"] != UNSTEERED), "layer"].unique())
    styles = {f"layer {layer}": style for layer, style in zip(layers, series_styles(len(layers)), strict=True)}
    styles[UNSTEERED] = LineStyle(INK, "*", "-")
    styles |= {kind.name: LineStyle(INK, kind.marker, "-") for kind in CONTROL_STYLES.values()}
    return {name: style for name, style in styles.items() if (points["series"] == name).any()}


def cost_limits(points: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis of cost: every interval and 0, with some room."""
    ends = points[[COST, f"{COST}_low", f"{COST}_high"]].astype(float)
    low, high = min(0.0, ends.min().min()), max(0.1, ends.max().max())
    return (low - 0.04 * (high - low), high + 0.04 * (high - low)) if len(points) else (0.0, 1.0)


def _series(row: pd.Series) -> str:
    if row["role"] in CONTROL_STYLES:
        return CONTROL_STYLES[row["role"]].name
    return UNSTEERED if row["from_baseline"] else f"layer {row['layer']}"


def _label(row: pd.Series) -> str:
    if row["role"] != "main" or row["from_baseline"] or not row["on_pareto"]:
        return ""
    return f"L{row['layer']}, {row['alpha']:g} ({percent(row['relative_strength'])})"
