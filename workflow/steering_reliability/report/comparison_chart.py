"""Several runs on one scale, as interactive charts."""

import altair as alt
import pandas as pd

from steering_reliability.evidence.run_comparison import THIRDS, third_of
from steering_reliability.figures.panels import curve_order
from steering_reliability.figures.style import series_styles
from steering_reliability.report.chart_style import (
    HEIGHT,
    POINTS,
    WIDTH,
    Spec,
    finished,
    panel_header,
    zero_line,
)
from steering_reliability.results.schema import as_records
from steering_reliability.text.numbers import points


def comparison_chart(table: pd.DataFrame, *, measure: str, title: str) -> list[Spec]:
    """A measure of several runs by relative strength, a chart per intervention with a panel per third of the blocks.

    Args:
        table: From `compare_runs`.
        measure: Column with `_low` and `_high`.
        title: What it is.
    """
    rows = table.dropna(subset=[measure]).copy()
    thirds = third_of(rows["depth"])
    rows["panel"] = [f"{kind}, {THIRDS[third]}" for kind, third in zip(rows["intervention"], thirds, strict=True)]
    rows["line"] = [f"{run}, layer {layer}" for run, layer in zip(rows["run"], rows["layer"], strict=True)]
    rows["shown"] = [f"{points(row, measure)}, n = {int(row['refusal_harm_test_n'])}" for row in as_records(rows)]
    kept = ["run", "model", "layer", "intervention", "alpha", "relative_strength", "panel", "line", "shown"]
    rows = rows[kept].assign(value=rows[measure], low=rows[f"{measure}_low"], high=rows[f"{measure}_high"])
    kinds, runs = sorted(rows["intervention"].unique(), key=curve_order), sorted(table["run"].unique())
    return [
        _run_lines(rows[rows["intervention"] == kind], runs=runs, y=title, has_legend=kind == kinds[0])
        | {"description": f"{title}, {kind}, by strength and depth"}
        for kind in kinds
    ]


def _run_lines(rows: pd.DataFrame, *, runs: list[str], y: str, has_legend: bool) -> Spec:
    styles = series_styles(len(runs))
    colour = alt.Color("run:N", scale=alt.Scale(domain=runs, range=[style.colour for style in styles]))
    colour = colour.legend(orient="top", columns=3, title=None) if has_legend else colour.legend(None)
    base = alt.Chart().encode(
        x=alt.X("relative_strength:Q", title="push, of the residual norm", axis=alt.Axis(format="%", tickCount=4))
    )
    whole = alt.Y("value:Q", title=y, axis=alt.Axis(labelExpr=POINTS))
    tips = [*(alt.Tooltip(f"{name}:N") for name in ("run", "model", "layer", "alpha")), alt.Tooltip("shown:N", title=y)]
    intervals = base.mark_rule(strokeWidth=1, aria=False).encode(y="low:Q", y2="high:Q", color=colour)
    lines = base.mark_line(aria=False).encode(y=whole, color=colour, detail="line:N")
    marks = base.mark_point(filled=True, size=55, opacity=1).encode(y=whole, color=colour, tooltip=tips)
    chart = alt.layer(zero_line(), intervals, lines, marks, data=rows).properties(width=WIDTH, height=HEIGHT)
    order = [f"{rows['intervention'].iloc[0]}, {third}" for third in THIRDS]
    return finished(chart.facet(panel_header("panel", order), columns=3))
