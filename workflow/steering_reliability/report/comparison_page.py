"""The page that compares several runs at the same depth and first-token KL or relative strength."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import altair as alt
import pandas as pd

from steering_reliability.evidence.pareto import MAX_HELPFULNESS_DROP
from steering_reliability.evidence.run_comparison import AXES, THIRDS, axis_column, third_of
from steering_reliability.figures.panels import curve_order
from steering_reliability.figures.style import series_styles
from steering_reliability.files import write_text
from steering_reliability.report.chart_style import HEIGHT, POINTS, WIDTH, Spec, finished, panel_header, zero_line
from steering_reliability.report.scripts import packed, page_environment, page_frame
from steering_reliability.results.schema import as_records
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import interval, percent, points, signed

MEASURES: Final = {
    "refusal_effect_harm_test": "change of refusal on harm_test",
    "helpfulness_drop": "helpfulness lost on benign",
    "effect_gap": "gap of effects, train minus test",
}

_BY: Final = {"first_token_kl": "first-token KL", "relative_strength": "relative strength"}
_PANELS: Final = (
    "in the first, middle and last third of the blocks. Each line is one layer, or one set of layers, of one run."
)
_CAPTIONS: Final = {
    "first_token_kl": "Percentage points by the mean first-token KL on the same prompts (how much steering disturbs "
    f"the next token), {_PANELS} Either sign of alpha has its own line.",
    "relative_strength": f"Percentage points by relative strength (share of the residual norm), {_PANELS}",
}


def write_comparison_page(table: pd.DataFrame, *, differences: Sequence[str] = (), output: Path) -> None:
    """Write index.html, one file that makes no network requests.

    `differences` are the settings in which the runs differ, from `unlike`. The page is written whole or not at all.
    """
    figures = [
        (axis, name) for axis in AXES for name in MEASURES if table[axis_column(axis, measure=name)].notna().any()
    ]
    charts = {f"{name}-{axis}": comparison_chart(table, measure=name, axis=axis) for axis, name in figures}
    environment = page_environment()
    environment.filters |= {"points": parts, "share": _share, "nats": _nats, "layers": layer_words}
    page = environment.get_template("compare.html.j2").render(
        **page_frame(),
        charts=charts,
        figures=[(f"{name}-{axis}", f"{MEASURES[name]}, by {_BY[axis]}", _CAPTIONS[axis]) for axis, name in figures],
        differences=list(differences),
        best=as_records(best_of_each(table)),
        points=as_records(table),
        files={"compare.csv": packed(table.to_csv(index=False, lineterminator="\n"))},
    )
    write_text(output, page)


def best_of_each(table: pd.DataFrame) -> pd.DataFrame:
    """Each run's point of the largest effect on harm_test among those that cost at most `MAX_HELPFULNESS_DROP`."""
    affordable = table[table["helpfulness_drop"] <= MAX_HELPFULNESS_DROP + 1e-9]
    ordered = affordable.sort_values("refusal_effect_harm_test", ascending=False, kind="stable")
    return ordered.drop_duplicates("run").sort_values("run")


def parts(row: Mapping[str, float], name: str) -> str:
    """A difference in points with its interval; a dash where it is missing."""
    if math.isnan(row[name]):
        return "–"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{signed(row[name])} ({'no interval' if math.isnan(low) else interval(low, high)})"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else percent(value)


def _nats(value: float) -> str:
    return "–" if math.isnan(value) else f"{max(value, 0.0):.2g}"


def comparison_chart(table: pd.DataFrame, *, measure: str, axis: str) -> list[Spec]:
    """A measure of several runs along one of `AXES`, a chart per intervention with a panel per third of the blocks."""
    by_kl = axis == "first_token_kl"
    rows = table.assign(x=table[axis_column(axis, measure=measure)]).dropna(subset=["x", measure])
    # A mean KL can be a rounding error below 0.
    rows["x"] = rows["x"].clip(lower=0) if by_kl else rows["x"]
    thirds = third_of(rows["depth"])
    rows["panel"] = [f"{kind}, {THIRDS[third]}" for kind, third in zip(rows["intervention"], thirds, strict=True)]
    rows["line"] = [
        f"{row['run']}, {row['direction']}, {layer_words(row['layer'])}"
        + (", lowered" if by_kl and row["alpha"] < 0 else "")
        for row in as_records(rows)
    ]
    rows["order"] = rows["alpha"].abs() if by_kl else rows["x"]
    rows["shown"] = [f"{points(row, measure)}, n = {int(row['refusal_harm_test_n'])}" for row in as_records(rows)]
    kept = ["run", "model", "direction", "layer", "intervention", "alpha", "x", "order", "panel", "line", "shown"]
    rows = rows[kept].assign(value=rows[measure], low=rows[f"{measure}_low"], high=rows[f"{measure}_high"])
    kinds, runs = sorted(rows["intervention"].unique(), key=curve_order), sorted(table["run"].unique())
    title = MEASURES[measure]
    return [
        _run_lines(rows[rows["intervention"] == kind], runs=runs, y=title, axis=axis, has_legend=kind == kinds[0])
        | {"description": f"{title}, {kind}, by {_BY[axis]} and depth"}
        for kind in kinds
    ]


def _run_lines(rows: pd.DataFrame, *, runs: list[str], y: str, axis: str, has_legend: bool) -> Spec:
    styles = series_styles(len(runs))
    colour = alt.Color("run:N", scale=alt.Scale(domain=runs, range=[style.colour for style in styles]))
    colour = colour.legend(orient="top", columns=3, title=None) if has_legend else colour.legend(None)
    place = alt.X("x:Q", title="relative strength", axis=alt.Axis(format="%", tickCount=4))
    if axis == "first_token_kl":
        place = alt.X("x:Q", title="first-token KL (nats)", scale=alt.Scale(type="sqrt"), axis=alt.Axis(tickCount=4))
    base = alt.Chart().encode(x=place)
    whole = alt.Y("value:Q", title=y, axis=alt.Axis(labelExpr=POINTS))
    names = ("run", "model", "direction", "layer", "alpha")
    tips = [*(alt.Tooltip(f"{name}:N") for name in names), alt.Tooltip("shown:N", title=y)]
    intervals = base.mark_rule(strokeWidth=1, aria=False).encode(y="low:Q", y2="high:Q", color=colour)
    lines = base.mark_line(aria=False).encode(y=whole, color=colour, detail="line:N", order="order:Q")
    marks = base.mark_point(filled=True, size=55, opacity=1).encode(y=whole, color=colour, tooltip=tips)
    chart = alt.layer(zero_line(), intervals, lines, marks, data=rows).properties(width=WIDTH, height=HEIGHT)
    order = [f"{rows['intervention'].iloc[0]}, {third}" for third in THIRDS]
    return finished(chart.facet(panel_header("panel", order), columns=3))
