"""Interactive charts as Vega-Lite specifications: a pointer shows n and interval, a click opens the completions."""

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from steering_reliability.figures.gap import headline_gap
from steering_reliability.figures.heatmap import LIGHT_FROM
from steering_reliability.figures.panels import SHARES, apart, curve_order
from steering_reliability.figures.style import SPLIT_STYLES, series_styles
from steering_reliability.report.chart_style import (
    HEIGHT,
    OPENS,
    POINTS,
    WIDTH,
    Spec,
    ends_text,
    finished,
    panel_header,
    rate_text,
    strength_text,
    zero_line,
)  # fmt: skip
from steering_reliability.results.schema import SPLITS, as_records, in_order, layers_in_order
from steering_reliability.text.layers import layer_words, point_words
from steering_reliability.text.numbers import rounded, signed

_CONTROL: Final = "random directions, harm_test"
_SERIES: Final = [*SPLITS, _CONTROL]
_SPLIT_COLOURS: Final = alt.Scale(domain=_SERIES, range=[*(SPLIT_STYLES[split].colour for split in SPLITS), "#888888"])
_SPLIT_SHAPES: Final = alt.Scale(domain=_SERIES, range=["circle", "square", "triangle-up", "cross"])
_SPLIT_DASHES: Final = alt.Scale(domain=_SERIES, range=[[1, 0], [6, 3], [6, 2, 1, 2], [1, 0]])


_APART: Final = dict(zip(_SERIES, (-0.014, 0.0, 0.014, 0.035), strict=True))
"""How far right of its alpha a series stands (share of the axis), so that its intervals are seen."""

_ENDS: Final = ("low", "high")
_INK_BLUE: Final = series_styles(1)[0].colour
_LABEL_APART: Final = 0.085
"""How far apart names of lines stand, as a share of the axis."""


def dose_response_chart(summary: pd.DataFrame) -> list[Spec]:
    """Refusal by strength, a line per split with 95% intervals by template, one panel per intervention and layer."""
    study, controls = _points_of(summary, baseline=True), _points_of(summary, "random")
    parts = [_long(study, f"refusal_{split}", series=split, split=split) for split in SPLITS]
    rows = pd.concat([*parts, _long(controls, "refusal_harm_test", series=_CONTROL, split="harm_test")])
    return _panels(rows, y="refusal", percent=True, description="Refusal by strength, with 95% intervals")


def gap_chart(summary: pd.DataFrame) -> list[Spec]:
    """The gap of effects by strength with its interval, one panel per intervention and layer."""
    name = headline_gap(summary)
    whose = "prompts that did not build the direction" if name == "effect_gap_unseen" else "all prompts"
    rows = _long(_points_of(summary, baseline=True), name, series="gap of effects", split="")
    description = f"Effect on harm_train minus effect on harm_test, {whose}, with 95% intervals"
    return _panels(rows, y="gap of effects", percent=False, description=description)


def heatmap_chart(summary: pd.DataFrame, *, name: str, split: str, title: str) -> list[Spec]:
    """A rate by layer and strength, a chart per intervention.

    `name` is the rate's column; a click opens the completions of `split`.
    """
    rows = _points_of(summary).dropna(subset=[name])
    shown = [rate_text(row, name) for row in as_records(rows)]
    percents = [rounded(100 * share) for share in rows[name]]
    rows = rows[[*OPENS, name, "strength"]].assign(shown=shown, split=split, percent=percents)
    kinds = sorted(rows["intervention"].unique(), key=curve_order)
    return [_cells(rows[rows["intervention"] == kind], name=name, title=title) for kind in kinds]


def _cells(rows: pd.DataFrame, *, name: str, title: str) -> Spec:
    base = alt.Chart(rows).encode(
        x=alt.X("alpha:O", title=_alpha_title(rows), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("layer:O", title="layer", sort=layers_in_order(rows["layer"])[::-1]),
    )
    # The edge shows a cell that is as dark, or as light, as the page.
    cells = base.mark_rect(stroke="#888888", strokeWidth=1).encode(
        color=alt.Color(f"{name}:Q", scale=alt.Scale(scheme="cividis", domain=[0, 1]), title=title, legend=None),
        tooltip=[*_where_tips(), alt.Tooltip("shown:N", title=title)],
    )
    # Dark cells carry white figures, light ones black; the pointer belongs to the cell below them.
    ink = alt.condition(f"datum.{name} > {LIGHT_FROM}", alt.value("black"), alt.value("white"))
    words = base.mark_text(fontSize=11, aria=False).encode(
        text=alt.Text("percent:Q"), color=ink, tooltip=alt.value(None)
    )
    panel = alt.layer(cells, words).properties(width={"step": 46}, height={"step": 34})
    kind = rows["intervention"].iloc[0]
    return finished(
        panel.facet(panel_header("intervention"), columns=1), f"{title} by layer and strength, in percent: {kind}"
    )


def forest_chart(summary: pd.DataFrame) -> list[Spec]:
    """The gap of effects with its interval, a row per steered point."""
    rows = _long(_points_of(summary), headline_gap(summary), series="gap of effects", split="")
    if rows.empty:
        return []
    rows = rows.assign(point=[point_words(row) for row in as_records(rows)])
    rows = in_order(rows, ["layer", "alpha"]).sort_values("intervention", key=lambda kinds: kinds.map(curve_order))
    base = alt.Chart(rows).encode(
        y=alt.Y("point:N", title=None, sort=list(dict.fromkeys(rows["point"])), axis=alt.Axis(labelLimit=240))
    )
    title = "effect on harm_train minus effect on harm_test (points)"
    x = alt.X("value:Q", title=title, axis=alt.Axis(labelExpr=POINTS))
    tips = [*_where_tips(), alt.Tooltip("shown:N", title="gap of effects")]
    bars = base.mark_rule(strokeWidth=1.5, aria=False).encode(x="low:Q", x2="high:Q", color=alt.value(_INK_BLUE))
    marks = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, color=alt.value(_INK_BLUE), tooltip=tips)
    zero = alt.Chart().mark_rule(color="#888888", aria=False).encode(x=alt.datum(0))
    chart = alt.layer(zero, *([bars] if rows["low"].notna().any() else []), marks, data=rows)
    return [finished(chart.properties(width=440, height={"step": 22}), "The gap of effects at every setting")]


def steerability_chart(prompts: pd.DataFrame) -> Spec:
    """Each prompt's steerability, sorted within its split, one panel per layer."""
    rows = prompts[(prompts["role"] == "main") & prompts["slope"].notna()].copy()
    rows["rank"] = rows.groupby(["layer", "split"])["slope"].rank(method="first")
    rows["panel"] = rows["layer"].map(layer_words)
    rows = rows.assign(intervention="add", series=rows["split"])
    tips = [alt.Tooltip("id:N", title="prompt"), alt.Tooltip("split:N"), alt.Tooltip("slope:Q", format="+.2f")]
    tips.append(alt.Tooltip("n:Q", title="alphas it rests on"))
    kept = rows[["direction", "intervention", "layer", "split", "series", "id", "slope", "n", "rank", "panel"]]
    # One data set for the panels and the marks: of two, each panel would draw every mark of the second.
    kept = in_order(kept, ["layer", "split", "rank"])
    base = alt.Chart(kept)
    points = base.mark_point(filled=True, size=36, opacity=1).encode(
        x=alt.X("rank:Q", title="prompts, the least steerable first"),
        y=alt.Y("slope:Q", title="nats per unit of alpha"),
        color=alt.Color("series:N", scale=_SPLIT_COLOURS, title=None, legend=alt.Legend(orient="top", values=SPLITS)),
        tooltip=tips,
    )
    panels = alt.layer(zero_line(), points, data=kept).properties(width=WIDTH, height=HEIGHT)
    order = list(kept["panel"].unique())
    return finished(
        panels.facet(panel_header("panel", order), columns=3), "How far each prompt moves per unit of alpha"
    )


def _points_of(summary: pd.DataFrame, role: str = "main", *, baseline: bool = False) -> pd.DataFrame:
    rows = summary[(summary["role"] == role) & (baseline | ~summary["from_baseline"].astype(bool))]
    panels = [f"{kind}, {layer_words(at)}" for kind, at in zip(rows["intervention"], rows["layer"], strict=True)]
    strength = [strength_text(share) for share in rows["relative_strength"]]
    # The copy joins the summary's many blocks, which pandas would warn of.
    return rows.copy().assign(panel=panels, strength=strength)


def _long(rows: pd.DataFrame, name: str, *, series: str, split: str) -> pd.DataFrame:
    """One row per point with value, low, high and the sentence that a pointer shows."""
    known = rows[rows[name].notna()]
    is_rate = f"{name}_n" in known.columns
    shown = [(rate_text if is_rate else _points)(row, name) for row in as_records(known)]
    # A missing end has no mark, and NaN is no JSON.
    ends = {end: known[f"{name}_{end}"].astype(object).where(known[f"{name}_{end}"].notna(), None) for end in _ENDS}
    numbers = {"value": known[name], **ends}
    kept = known[[*OPENS, "panel", "strength"]]
    return kept.assign(**numbers, series=series, split=split, shown=shown)


def _points(row: Any, name: str) -> str:
    n = f"n = {int(row['refusal_harm_train_n'])} and {int(row['refusal_harm_test_n'])}"
    if name.endswith("_unseen"):
        n = f"n = {int(row['refusal_harm_train_unseen_n'])} and {int(row['refusal_harm_test_n'])}"
    ends = ends_text(row, name, signed).removeprefix(", ")
    return f"{signed(row[name])} points ({', '.join(filter(None, [ends, n]))})"


def _where_tips() -> list[alt.Tooltip]:
    names = [("intervention", "N"), ("layer", "N"), ("alpha", "Q"), ("strength", "N")]
    return [alt.Tooltip(f"{name}:{kind}") for name, kind in names]


def _alpha_title(rows: pd.DataFrame) -> str:
    """The title of an axis of strengths of one intervention."""
    return "alpha (share removed)" if rows["intervention"].iloc[0] in SHARES else "alpha"


def _panels(rows: pd.DataFrame, *, y: str, percent: bool, description: str) -> list[Spec]:
    """Lines with intervals over alpha: a chart per intervention, whose alphas differ, with a panel per layer."""
    kinds = sorted(rows["intervention"].unique(), key=curve_order)
    reach = float(rows[["value", "low", "high"]].astype(float).abs().max().max()) if len(rows) else 1.0
    domain = [0.0, 1.0] if percent else [-reach, reach]
    return [
        _lines(rows[rows["intervention"] == kind], y=y, percent=percent, domain=domain)
        | {"description": f"{description}: {kind}"}
        for kind in kinds
    ]


def _lines(rows: pd.DataFrame, *, y: str, percent: bool, domain: list[float]) -> Spec:
    rows = _named_ends(rows) if percent else rows
    rows = rows.assign(place=rows["alpha"] + rows["series"].map(_APART).fillna(0) * np.ptp(rows["alpha"]))
    scale = alt.Scale(domain=domain)
    colour = alt.Color("series:N", scale=_SPLIT_COLOURS if percent else alt.Undefined, legend=None)
    shape = alt.Shape("series:N", scale=_SPLIT_SHAPES if percent else alt.Undefined, legend=None)
    dash = alt.StrokeDash("series:N", scale=_SPLIT_DASHES if percent else alt.Undefined, legend=None)
    base = alt.Chart(rows).encode(x=alt.X("place:Q", title=_alpha_title(rows), axis=alt.Axis(tickCount=4)))
    # A difference of shares is in points, not in percent.
    axis = alt.Axis(format="%") if percent else alt.Axis(labelExpr=POINTS)
    intervals = base.mark_rule(strokeWidth=1, aria=False).encode(
        y=alt.Y("low:Q", title=y if percent else f"{y} (points)", axis=axis, scale=scale), y2="high:Q", color=colour
    )
    lines = base.transform_filter(alt.datum.series != _CONTROL).mark_line(aria=False)
    lines = lines.encode(y="value:Q", color=colour, strokeDash=dash)
    tips = [alt.Tooltip("series:N"), *_where_tips(), alt.Tooltip("shown:N", title=y)]
    points = base.mark_point(filled=True, size=55, opacity=1)
    points = points.encode(y="value:Q", color=colour, shape=shape, tooltip=tips)
    # A layer without any mark leaves its scale without an extent.
    bars = [intervals] if rows["low"].notna().any() else []
    layers = [*([] if percent else [zero_line()]), *bars, lines, points, *([_end_names(base)] if percent else [])]
    chart = alt.layer(*layers, data=rows).properties(width=WIDTH, height=HEIGHT)
    order = list(in_order(rows, ["layer"])["panel"].unique())
    return finished(chart.facet(panel_header("panel", order), columns=3, bounds="flush", spacing=26))


def _named_ends(rows: pd.DataFrame) -> pd.DataFrame:
    """Name each line beside its last point in the last panel, where names keep apart."""
    rows = rows.reset_index(drop=True)
    panels = list(in_order(rows, ["layer"])["panel"].unique())
    lines = rows[(rows["panel"] == panels[-1]) & (rows["series"] != _CONTROL)] if panels else rows
    ends = lines[lines["alpha"] == lines["alpha"].max()].sort_values("value", kind="stable")
    heights = pd.Series(apart(ends["value"].tolist(), distance=_LABEL_APART), index=ends.index, dtype=float)
    return rows.assign(label=ends["series"].reindex(rows.index).fillna(""), label_y=heights.reindex(rows.index))


def _end_names(base: Any) -> Any:
    named = base.transform_filter("datum.label_y !== null")
    return named.mark_text(align="left", dx=12, fontSize=12, fill="currentColor", aria=False).encode(
        y="label_y:Q", text="label:N", tooltip=alt.value(None)
    )
