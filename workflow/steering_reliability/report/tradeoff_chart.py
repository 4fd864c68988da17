"""The trade-off as an interactive chart: what the picture shows, drawn from the same points."""

import textwrap
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from steering_reliability.figures.label_places import place_labels
from steering_reliability.figures.style import INK
from steering_reliability.figures.tradeoff import (
    COST,
    COST_TITLE,
    MOSTLY_DEGENERATE,
    REFUSAL,
    REFUSAL_LIMITS,
    REFUSAL_TITLE,
    UNSTEERED,
    cost_limits,
    tradeoff_frontier,
    tradeoff_points,
    tradeoff_styles,
)
from steering_reliability.report.chart_style import OPENS, PLAIN_POINTS, Spec, finished, rate_text, strength_text
from steering_reliability.results.schema import as_records
from steering_reliability.text.layers import point_words
from steering_reliability.text.numbers import points as points_text

_WIDTH: Final = 440
_HEIGHT: Final = 330
_LETTER: Final = 6.2
"""Mean width of a letter at the size of the names (pixels)."""

_TEXT: Final = 12
_TITLE_WIDTH: Final = 36
"""Letters of an axis title's line that fit below the plot on a phone."""

_INK: Final = "currentColor"
_PAPER: Final = "var(--paper)"
_CROSS: Final = "M-1,-1L1,1M1,-1L-1,1"


def _polygon(corners: int, *, inner: float, outer: float = 1.15) -> str:
    """The path of a star with its point up; of a regular polygon where both radii are one."""
    angles = np.pi * np.arange(2 * corners) / corners
    radii = np.where(np.arange(2 * corners) % 2 == 0, outer, inner)
    places = zip(radii * np.sin(angles), -radii * np.cos(angles), strict=True)
    return "M" + "L".join(f"{x + 0:.2f},{y + 0:.2f}" for x, y in places) + "Z"


_SHAPES: Final = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross",
    "X": _polygon(4, inner=0.5), "*": _polygon(5, inner=0.5, outer=1.4), "d": "M0,-1.3L.75,0L0,1.3L-.75,0Z",
    "h": _polygon(3, inner=1.15),
}  # fmt: skip
"""Marker of a picture to the shape that stands for it."""


def tradeoff_chart(summary: pd.DataFrame) -> Spec:
    """Refusal on harm_test against helpfulness given up, with intervals, controls, frontier and its names."""
    points = tradeoff_points(summary)
    rows = _described(points)
    x = alt.X(f"{COST}:Q", title=textwrap.wrap(COST_TITLE, _TITLE_WIDTH), axis=alt.Axis(labelExpr=PLAIN_POINTS),
              scale=alt.Scale(domain=list(cost_limits(points)), nice=False))  # fmt: skip
    y = alt.Y(f"{REFUSAL}:Q", title=REFUSAL_TITLE, axis=alt.Axis(format="%"),
              scale=alt.Scale(domain=list(REFUSAL_LIMITS), nice=False))  # fmt: skip
    base = alt.Chart()
    colour = _channel(points, alt.Stroke)
    thickness = alt.condition("datum.on_pareto", alt.value(1.6), alt.value(0.9))
    bars = base.mark_rule(aria=False).encode(stroke=colour, strokeWidth=thickness)
    frontier = base.transform_filter("datum.on_pareto").mark_line(
        color=_INK, strokeWidth=1.4, interpolate="step-after", aria=False
    )
    tips = [alt.Tooltip(f"{name}:N", title=title) for name, title in _TIPS.items()]
    marks = base.mark_point(size=80, strokeWidth=1.5, opacity=1).encode(
        x=x, y=y, stroke=colour, shape=_channel(points, alt.Shape), tooltip=tips,
        fill=_channel(points, alt.Fill), fillOpacity=alt.FillOpacity("fill:Q", scale=None, legend=None),
    )  # fmt: skip
    # What a mark that is not full covers would show through it.
    grounds = base.mark_point(size=80, opacity=1, strokeWidth=0, aria=False).encode(
        x=x, y=y, fill=alt.value(_PAPER), shape=_channel(points, alt.Shape)
    )
    layers = [
        alt.Chart().mark_rule(color="#888888", aria=False).encode(x=alt.datum(0)),
        bars.encode(x=f"{COST}_low:Q", x2=f"{COST}_high:Q", y=y),
        bars.encode(x=x, y=f"{REFUSAL}_low:Q", y2=f"{REFUSAL}_high:Q"),
        frontier.encode(x=x, y=y, order=alt.Order("order:Q")),
        grounds,
        marks,
        *_names(base, y=y),
    ]
    if points["is_mostly_degenerate"].any():
        crosses = base.transform_filter("datum.is_mostly_degenerate").mark_point(shape=_CROSS, size=180, filled=False)
        layers.append(crosses.encode(x=x, y=y, stroke=alt.value(_INK), tooltip=tips))
    chart = alt.layer(*layers, data=rows).properties(width=_WIDTH, height=_HEIGHT)
    return finished(chart, "Refusal on harm_test against helpfulness given up on benign prompts, with 95% intervals")


_TIPS: Final = {
    "point": "point", "strength": "strength", "refusal": "refusal, harm_test", "given_up": "helpfulness given up",
    "helpful": "helpful, benign",
}  # fmt: skip


def _channel(points: pd.DataFrame, channel: Any) -> Any:
    """A channel by series; the three of them make one legend."""
    styles = tradeoff_styles(points)
    if channel is alt.Shape:
        looks = [_SHAPES[style.marker] for style in styles.values()]
    else:
        looks = [_INK if style.colour == INK else style.colour for style in styles.values()]
    names = list(styles)
    if points["is_mostly_degenerate"].any():
        names, looks = [*names, MOSTLY_DEGENERATE], [*looks, _CROSS if channel is alt.Shape else _INK]
    return channel("series:N", scale=alt.Scale(domain=names, range=looks), title=None)


def _described(points: pd.DataFrame) -> pd.DataFrame:
    """The points with what a pointer shows, the order of the frontier, and where each name stands."""
    known = as_records(points)
    order = {index: rank for rank, index in enumerate(tradeoff_frontier(points).index)}
    kept = [*OPENS, "series", "fill", "is_mostly_degenerate", "on_pareto", "label"]
    ends = [f"{name}{end}" for name in (COST, REFUSAL) for end in ("", "_low", "_high")]
    # A missing end has no mark, and NaN is no JSON.
    numbers = points[ends].astype(object).where(points[ends].notna(), None)
    return pd.concat([points[kept], numbers, _label_places(points)], axis=1).assign(
        order=pd.Series(order, dtype=float).reindex(points.index),
        point=[_point(row) for row in known],
        strength=[strength_text(row["relative_strength"]) for row in known],
        refusal=[rate_text(row, REFUSAL) for row in known],
        given_up=["0, by definition" if row["from_baseline"] else points_text(row, COST) for row in known],
        helpful=[rate_text(row, "helpful_benign") for row in known],
    )


def _point(row: dict[str, Any]) -> str:
    if row["series"] == UNSTEERED:
        return UNSTEERED
    name = "" if row["role"] == "main" else f"{row['series']}, "
    return f"{name}{point_words(row)}"


def _label_places(points: pd.DataFrame) -> pd.DataFrame:
    """Where each name starts or ends, in units of the axes; NaN is None."""
    left, right = cost_limits(points)
    low, high = REFUSAL_LIMITS
    scale = np.array([_WIDTH / (right - left), _HEIGHT / (high - low)])
    at = (points[[COST, REFUSAL]].to_numpy(dtype=float) - (left, low)) * scale
    named = [place for place, text in enumerate(points["label"]) if text]
    sizes = np.array([[_LETTER * len(points["label"].iloc[place]), _TEXT + 2.0] for place in named]).reshape(-1, 2)
    found = place_labels(at[named], sizes=sizes, drawn=at, width=_WIDTH, height=_HEIGHT)
    rows: list[dict[str, Any]] = [{"label_x": None, "label_y": None, "side": ""} for _ in range(len(points))]
    for index, place in zip(named, found, strict=True):
        if place is not None:
            x, y = (at[index] + place) / scale + (left, low)
            rows[index] = {"label_x": x, "label_y": y, "side": "left" if place.x > 0 else "right"}
    return pd.DataFrame(rows, index=points.index, columns=["label_x", "label_y", "side"])


def _names(base: Any, *, y: Any) -> list[Any]:
    named = base.transform_filter("datum.label_x !== null")
    leaders = named.mark_rule(color=_INK, strokeWidth=0.6, aria=False)
    layers = [leaders.encode(x=f"{COST}:Q", y=y, x2="label_x:Q", y2="label_y:Q")]
    for side in ("left", "right"):
        texts = named.transform_filter(f"datum.side === '{side}'").mark_text(
            align=side, baseline="middle", fontSize=_TEXT, fill=_INK, stroke=_PAPER, strokeWidth=3,
            dx=2 if side == "left" else -2, aria=False,
        )  # fmt: skip
        layers.append(texts.encode(x="label_x:Q", y="label_y:Q", text="label:N", tooltip=alt.value(None)))
    return layers
