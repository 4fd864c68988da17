"""Interactive charts as Vega-Lite specifications: a pointer shows n and interval, a click opens the completions."""

from collections.abc import Callable
from typing import Any, Final

import altair as alt
import pandas as pd

from steering_reliability.analysis.figures.gap import headline_gap
from steering_reliability.analysis.figures.panels import curve_order
from steering_reliability.analysis.figures.style import SPLIT_STYLES, series_styles
from steering_reliability.analysis.page.chart_style import (
    HEIGHT,
    POINTS,
    WIDTH,
    Spec,
    finished,
    panel_header,
    zero_line,
)
from steering_reliability.analysis.schema import SPLITS
from steering_reliability.analysis.wording import percent, signed, whole

OPENS: Final = ["direction", "intervention", "layer", "alpha"]
"""What a row of a chart's data holds where a click on its mark opens completions."""

_CONTROL: Final = "random directions, harm_test"
_SERIES: Final = [*SPLITS, _CONTROL]
_SPLIT_COLOURS: Final = alt.Scale(domain=_SERIES, range=[*(SPLIT_STYLES[split].colour for split in SPLITS), "#888888"])
_SPLIT_SHAPES: Final = alt.Scale(domain=_SERIES, range=["circle", "square", "triangle-up", "cross"])
_SPLIT_DASHES: Final = alt.Scale(domain=_SERIES, range=[[1, 0], [6, 3], [6, 2, 1, 2], [1, 0]])


_ENDS: Final = ("low", "high")


def dose_response_chart(summary: pd.DataFrame) -> list[Spec]:
    """Refusal by strength, a line per split with 95% intervals by template, one panel per intervention and layer."""
    study, controls = _study(summary), _controls(summary)
    parts = [_long(study, f"refusal_{split}", series=split, split=split) for split in SPLITS]
    rows = pd.concat([*parts, _long(controls, "refusal_harm_test", series=_CONTROL, split="harm_test")])
    return _panels(rows, y="refusal", percent=True, description="Refusal by strength, with 95% intervals")


def gap_chart(summary: pd.DataFrame) -> list[Spec]:
    """The gap of effects by strength with its interval, one panel per intervention and layer."""
    name = headline_gap(summary)
    whose = "prompts that did not build the direction" if name == "effect_gap_unseen" else "all prompts"
    rows = _long(_study(summary), name, series="gap of effects", split="")
    description = f"Effect on harm_train minus effect on harm_test, {whose}, with 95% intervals"
    return _panels(rows, y="gap of effects", percent=False, description=description)


def tradeoff_chart(summary: pd.DataFrame) -> Spec:
    """Refusal on harm_test against helpful answers to benign prompts, a point per condition and the Pareto frontier."""
    rows = _study(summary).dropna(subset=["refusal_harm_test", "helpful_benign"])
    rows["refusal"] = [_rate(row, "refusal_harm_test") for row in rows.to_dict("records")]
    rows["helpful"] = [_rate(row, "helpful_benign") for row in rows.to_dict("records")]
    layers = sorted({int(layer) for layer in rows["layer"]})
    colours = [style.colour for style in series_styles(len(layers))]
    tips = [*_where_tips(), alt.Tooltip("refusal:N", title="refusal, harm_test"), alt.Tooltip("helpful:N")]
    axis, whole = alt.Axis(format="%"), alt.Scale(domain=[0, 1])
    x = alt.X("helpful_benign:Q", title="benign prompts answered helpfully", axis=axis, scale=whole)
    y = alt.Y("refusal_harm_test:Q", title="harm_test prompts refused", axis=axis, scale=whole)
    kept = ["refusal_harm_test", "helpful_benign", "refusal", "helpful", "on_pareto", "strength"]
    base = alt.Chart(rows[[*OPENS, *kept]])
    points = base.mark_point(filled=True, size=90, opacity=0.9).encode(
        x=x,
        y=y,
        color=alt.Color("layer:N", scale=alt.Scale(domain=layers, range=colours), title="layer"),
        shape=alt.Shape("intervention:N", title="intervention"),
        tooltip=tips,
    )
    frontier = (
        base.transform_filter("datum.on_pareto")
        .mark_line(color="#888888", strokeDash=[4, 3], interpolate="step-after", aria=False)
        .encode(x=x, y=y, order=alt.Order("helpful_benign:Q"))
    )
    chart = alt.layer(frontier, points).properties(width=380, height=320)
    return finished(chart, "Refusal on harm_test against helpfulness on benign prompts")


def heatmap_chart(summary: pd.DataFrame, *, name: str, split: str, title: str) -> list[Spec]:
    """A rate by layer and strength, a chart per intervention.

    Args:
        summary: From `summarise`.
        name: Column of the rate.
        split: Whose completions a click opens.
        title: What the colour stands for.
    """
    rows = _study(summary, baseline=False).dropna(subset=[name])
    rows["shown"] = [_rate(row, name) for row in rows.to_dict("records")]
    rows["split"] = split
    rows["percent"] = (100 * rows[name]).round()
    kinds = sorted(rows["intervention"].unique(), key=curve_order)
    return [_cells(rows[rows["intervention"] == kind], name=name, title=title) for kind in kinds]


def _cells(rows: pd.DataFrame, *, name: str, title: str) -> Spec:
    base = alt.Chart(rows[[*OPENS, name, "shown", "split", "percent", "strength"]]).encode(
        x=alt.X("alpha:O", title="alpha", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("layer:O", title="layer", sort="descending"),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(f"{name}:Q", scale=alt.Scale(scheme="cividis", domain=[0, 1]), title=title, legend=None),
        tooltip=[*_where_tips(), alt.Tooltip("shown:N", title=title)],
    )
    # Dark cells carry white figures, light ones black; the pointer belongs to the cell below them.
    ink = alt.condition(f"datum.{name} > 0.55", alt.value("black"), alt.value("white"))
    words = base.mark_text(fontSize=11, aria=False).encode(
        text=alt.Text("percent:Q"), color=ink, tooltip=alt.value(None)
    )
    panel = alt.layer(cells, words).properties(width={"step": 46}, height={"step": 34})
    kind = rows["intervention"].iloc[0]
    return finished(
        panel.facet(panel_header("intervention"), columns=1), f"{title} by layer and strength, in percent: {kind}"
    )


def steerability_chart(prompts: pd.DataFrame) -> Spec:
    """Each prompt's steerability, sorted within its split, one panel per layer.

    Args:
        prompts: From `prompt_steerability`.
    """
    rows = prompts[(prompts["role"] == "main") & prompts["slope"].notna()].copy()
    rows["rank"] = rows.groupby(["layer", "split"])["slope"].rank(method="first")
    rows["panel"] = [f"layer {layer}" for layer in rows["layer"]]
    rows = rows.assign(intervention="add", series=rows["split"])
    tips = [alt.Tooltip("id:N", title="prompt"), alt.Tooltip("split:N"), alt.Tooltip("slope:Q", format="+.2f")]
    tips.append(alt.Tooltip("n:Q", title="alphas it rests on"))
    kept = rows[["direction", "intervention", "layer", "split", "series", "id", "slope", "n", "rank", "panel"]]
    # One data set for the panels and the marks: of two, each panel would draw every mark of the second.
    kept = kept.sort_values(["layer", "split", "rank"])
    base = alt.Chart(kept)
    points = base.mark_point(filled=True, size=36).encode(
        x=alt.X("rank:Q", title="prompts, the least steerable first"),
        y=alt.Y("slope:Q", title="nats per unit of alpha"),
        color=alt.Color("series:N", scale=_SPLIT_COLOURS, title=None, legend=alt.Legend(orient="top", values=SPLITS)),
        tooltip=tips,
    )
    panels = alt.layer(zero_line(), points, data=kept).properties(width=WIDTH, height=HEIGHT)
    order = [f"layer {layer}" for layer in sorted({int(layer) for layer in kept["layer"]})]
    return finished(
        panels.facet(panel_header("panel", order), columns=3), "How far each prompt moves per unit of alpha"
    )


def _study(summary: pd.DataFrame, *, baseline: bool = True) -> pd.DataFrame:
    rows = summary[(summary["role"] == "main") & (baseline | ~summary["from_baseline"].astype(bool))]
    return _described(rows)


def _controls(summary: pd.DataFrame) -> pd.DataFrame:
    rows = summary[(summary["role"] == "random") & ~summary["from_baseline"].astype(bool)]
    return _described(rows)


def _described(rows: pd.DataFrame) -> pd.DataFrame:
    panels = [f"{kind}, layer {layer}" for kind, layer in zip(rows["intervention"], rows["layer"], strict=True)]
    strength = [f"{100 * share:.1f}% of the residual norm" for share in rows["relative_strength"]]
    return rows.assign(panel=panels, strength=strength)


def _long(rows: pd.DataFrame, name: str, *, series: str, split: str) -> pd.DataFrame:
    """One row per point with value, low, high and the sentence that a pointer shows."""
    known = rows[rows[name].notna()]
    is_rate = f"{name}_n" in known.columns
    shown = [(_rate if is_rate else _points)(row, name) for row in known.to_dict("records")]
    # A missing end has no mark, and NaN is no JSON.
    ends = {end: known[f"{name}_{end}"].astype(object).where(known[f"{name}_{end}"].notna(), None) for end in _ENDS}
    numbers = {"value": known[name], **ends}
    kept = known[[*OPENS, "panel", "strength"]]
    return kept.assign(**numbers, series=series, split=split, shown=shown)


def _rate(row: Any, name: str) -> str:
    """A rate as a tooltip has it, with count and interval where there is one."""
    n = int(row[f"{name}_n"])
    return f"{percent(row[name])} ({whole(row[name] * n)}/{n}{_ends(row, name, _whole_percent)})"


def _points(row: Any, name: str) -> str:
    n = f"n = {int(row['refusal_harm_train_n'])} and {int(row['refusal_harm_test_n'])}"
    if name.endswith("_unseen"):
        n = f"n = {int(row['refusal_harm_train_unseen_n'])} and {int(row['refusal_harm_test_n'])}"
    ends = _ends(row, name, signed).removeprefix(", ")
    return f"{signed(row[name])} points ({', '.join(filter(None, [ends, n]))})"


def _ends(row: Any, name: str, write: Callable[[float], str]) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if pd.isna(low) else f", {write(low)} to {write(high)}"


def _whole_percent(share: float) -> str:
    return str(whole(100 * share))


def _where_tips() -> list[alt.Tooltip]:
    names = [("intervention", "N"), ("layer", "Q"), ("alpha", "Q"), ("strength", "N")]
    return [alt.Tooltip(f"{name}:{kind}") for name, kind in names]


def _panels(rows: pd.DataFrame, *, y: str, percent: bool, description: str) -> list[Spec]:
    """Lines with intervals over alpha: a chart per intervention, whose alphas differ, with a panel per layer."""
    kinds = sorted(rows["intervention"].unique(), key=curve_order)
    reach = float(rows[["value", "low", "high"]].astype(float).abs().max().max()) if len(rows) else 1.0
    domain = [0.0, 1.0] if percent else [-reach, reach]
    return [
        _lines(rows[rows["intervention"] == kind], y=y, percent=percent, domain=domain, has_legend=kind == kinds[0])
        | {"description": f"{description}: {kind}"}
        for kind in kinds
    ]


def _lines(rows: pd.DataFrame, *, y: str, percent: bool, domain: list[float], has_legend: bool) -> Spec:
    scale = alt.Scale(domain=domain)
    legend = alt.Legend(orient="top", columns=2) if has_legend and percent else None
    colour = alt.Color("series:N", scale=_SPLIT_COLOURS if percent else alt.Undefined, title=None, legend=legend)
    shape = alt.Shape("series:N", scale=_SPLIT_SHAPES if percent else alt.Undefined, title=None, legend=legend)
    dash = alt.StrokeDash("series:N", scale=_SPLIT_DASHES if percent else alt.Undefined, title=None, legend=legend)
    base = alt.Chart(rows).encode(x=alt.X("alpha:Q", title="alpha", axis=alt.Axis(tickCount=4)))
    # A difference of shares is in points, not in percent.
    axis = alt.Axis(format="%") if percent else alt.Axis(labelExpr=POINTS)
    intervals = base.mark_rule(opacity=0.55, aria=False).encode(
        y=alt.Y("low:Q", title=y if percent else f"{y} (points)", axis=axis, scale=scale),
        y2="high:Q",
        color=colour,
    )
    lines = base.transform_filter(alt.datum.series != _CONTROL).mark_line(aria=False)
    lines = lines.encode(y="value:Q", color=colour, strokeDash=dash)
    tips = [alt.Tooltip("series:N"), *_where_tips(), alt.Tooltip("shown:N", title=y)]
    points = base.mark_point(filled=True, size=55, opacity=1)
    points = points.encode(y="value:Q", color=colour, shape=shape, tooltip=tips)
    # A layer without any mark leaves its scale without an extent.
    bars = [intervals] if rows["low"].notna().any() else []
    layers = [*([] if percent else [zero_line()]), *bars, lines, points]
    chart = alt.layer(*layers, data=rows).properties(width=WIDTH, height=HEIGHT)
    order = sorted(rows["panel"].unique(), key=lambda name: int(name.split()[-1]))
    return finished(chart.facet(panel_header("panel", order), columns=3))
