"""Effect and cost of several runs against relative strength, by how deep the layer lies."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.evidence.run_comparison import THIRDS, third_of
from steering_reliability.figures.panels import draw_with_intervals, percent, plain_grid, signed_points
from steering_reliability.figures.style import INK, MUTED, LineStyle, finish, new_figure, series_styles
from steering_reliability.results.schema import in_order
from steering_reliability.text.layers import layer_tag

_MEASURES: Final = {
    "refusal_effect_harm_test": "change of refusal\non harm_test (points)",
    "helpfulness_drop": "helpfulness lost\non benign (points)",
}


def draw_comparison(table: pd.DataFrame, *, intervention: str) -> Figure:
    """Draw the effect on refusal and its cost, a column per third of the blocks and a line per run and layer."""
    points = table[table["intervention"] == intervention]
    styles = dict(zip(sorted(table["run"].unique()), series_styles(table["run"].nunique()), strict=True))
    thirds = sorted(set(third_of(points["depth"]))) or [1]
    figure = new_figure(width=3.4 + 2.9 * len(thirds), height=6.2)
    grid = figure.subplots(len(_MEASURES), len(thirds), squeeze=False, sharey="row", sharex=True)
    for row, (measure, ylabel) in zip(grid, _MEASURES.items(), strict=True):
        for axes, third in zip(row, thirds, strict=True):
            _draw_panel(axes, points[third_of(points["depth"]) == third], measure=measure, styles=styles)
        row[0].set_ylabel(ylabel)
    for axes, third in zip(grid[0], thirds, strict=True):
        axes.set_title(THIRDS[third], loc="left", color=INK)
    for axes in grid[-1]:
        axes.set_xlabel("push as a share of the residual norm")
    grid[0][-1].legend(
        handles=_handles(table, styles), loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=8
    )
    finish(
        figure,
        title=f"The same push at the same depth, model by model: {intervention}",
        subtitle="Compare at one strength, within a column; where intervals overlap widely, no difference is shown",
        footer=[
            "each line is one layer, or one set of layers (L: their numbers)",
            "bars: 95% intervals, paired by prompt",
            _sizes(points),
        ],
    )
    return figure


def _draw_panel(axes: Axes, points: pd.DataFrame, *, measure: str, styles: dict[str, LineStyle]) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.9)
    axes.yaxis.set_major_formatter(signed_points)
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    lines = in_order(points, ["run", "layer", "relative_strength"]).groupby(["run", "layer"], sort=False)
    for (run, _), ordered in lines:
        x = ordered["relative_strength"].to_numpy(dtype=float)
        draw_with_intervals(axes, x, ordered, name=measure, style=styles[str(run)])
        last = ordered.iloc[-1]
        if np.isfinite(last[measure]):
            axes.annotate(
                layer_tag(last["layer"]), xy=(x[-1], last[measure]), xytext=(4, 3), textcoords="offset points",
                fontsize=7, color=styles[str(run)].colour,
            )  # fmt: skip
    plain_grid(axes)


def _handles(table: pd.DataFrame, styles: dict[str, LineStyle]) -> list[Line2D]:
    models = table.drop_duplicates("run").set_index("run")["model"]
    labels = {run: f"{run}\n({str(models[run]).rsplit('/', 1)[-1]})" for run in styles}
    return [
        Line2D([], [], color=style.colour, marker=style.marker, markersize=5, label=labels[run])
        for run, style in styles.items()
    ]


def _sizes(points: pd.DataFrame) -> str:
    counts = sorted({int(n) for n in points["refusal_harm_test_n"].dropna()})
    if not counts:
        return "no steered point"
    return f"n = {counts[0]}" + (f" to {counts[-1]}" if len(counts) > 1 else "") + " harm_test prompts"
