"""Effect and cost of several runs against first-token KL or relative strength, by how deep the layer lies."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.evidence.run_comparison import AXES, THIRDS, axis_column, third_of
from steering_reliability.figures.equal_kl import kl_scale
from steering_reliability.figures.panels import draw_with_intervals, percent, plain_grid, signed_points
from steering_reliability.figures.style import INK, MUTED, SMALL, TINY, LineStyle, finish, new_figure, series_styles
from steering_reliability.results.schema import in_order
from steering_reliability.text.layers import layer_tag

_MEASURES: Final = {
    "refusal_effect_harm_test": "change of refusal\non harm_test (points)",
    "helpfulness_drop": "helpfulness lost\non benign (points)",
}


_TITLES: Final = {
    "first_token_kl": "The same disturbance of the next token at the same depth, run by run",
    "relative_strength": "The same push at the same depth, run by run",
}

_ABOUT_KL: Final = "KL: mean over the prompts of the row, without interval; hollow: alpha below 0"


def draw_comparison(table: pd.DataFrame, *, intervention: str, axis: str) -> Figure:
    """Draw the effect on refusal and its cost, a column per third of the blocks and a line per run and layer.

    `axis` is one of `AXES`; points without a place on it are left out.
    """
    points = table[table["intervention"] == intervention]
    styles = dict(zip(sorted(table["run"].unique()), series_styles(table["run"].nunique()), strict=True))
    thirds = sorted(set(third_of(points["depth"]))) or [1]
    figure = new_figure(width=3.4 + 2.9 * len(thirds), height=6.2)
    # The KL of the two rows is of different prompts.
    grid = figure.subplots(len(_MEASURES), len(thirds), squeeze=False, sharey="row", sharex="row")
    for row, (measure, ylabel) in zip(grid, _MEASURES.items(), strict=True):
        x = axis_column(axis, measure=measure)
        for axes, third in zip(row, thirds, strict=True):
            panel = points[third_of(points["depth"]) == third]
            _draw_panel(axes, panel, measure=measure, x=x, styles=styles)
            if axis == "first_token_kl":
                largest = float(points[x].max())
                kl_scale(axes, largest if largest > 0 else 1.0)
        row[0].set_ylabel(ylabel)
    for axes, third in zip(grid[0], thirds, strict=True):
        axes.set_title(THIRDS[third], loc="left", color=INK)
    for axes in grid.flat if axis == "first_token_kl" else grid[-1]:
        axes.set_xlabel(AXES[axis])
    grid[0][-1].legend(
        handles=_handles(table, styles), loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=SMALL
    )
    finish(
        figure,
        title=f"{_TITLES[axis]}: {intervention}",
        subtitle="Compare at one place of the axis within a panel; intervals that overlap widely show no difference",
        footer=[
            "each line is one layer, or one set of layers (L: their numbers)",
            "bars: 95% intervals, paired by prompt",
            *([_ABOUT_KL] if axis == "first_token_kl" else []),
            _sizes(points),
        ],
    )
    return figure


def _draw_panel(axes: Axes, points: pd.DataFrame, *, measure: str, x: str, styles: dict[str, LineStyle]) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.9)
    axes.yaxis.set_major_formatter(signed_points)
    if x == "relative_strength":
        axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    known = points.dropna(subset=[x])
    keys = ["run", "layer", "direction"]
    for (run, layer, direction), line in in_order(known, keys).groupby(keys, sort=False):
        has_several = known.loc[known["run"] == run, "direction"].nunique() > 1
        name = f"{layer_tag(str(layer))} {direction}" if has_several else layer_tag(str(layer))
        for ordered in _lines(line, x=x):
            places, last = ordered[x].to_numpy(dtype=float), ordered.iloc[-1]
            is_lowered = x != "relative_strength" and last["alpha"] < 0
            draw_with_intervals(axes, places, ordered, name=measure, style=styles[str(run)], filled=not is_lowered)
            if np.isfinite(last[measure]):
                axes.annotate(
                    name, xy=(places[-1], last[measure]), xytext=(4, 3), textcoords="offset points",
                    fontsize=TINY, color=styles[str(run)].colour,
                )  # fmt: skip
    plain_grid(axes)


def _lines(points: pd.DataFrame, *, x: str) -> Iterator[pd.DataFrame]:
    """The points of a layer in the order of their strength; a KL has no sign, so either sign of alpha has a line."""
    if x == "relative_strength":
        yield points.sort_values(x)
        return
    for is_lowered in (False, True):
        line = points[(points["alpha"] < 0) == is_lowered]
        if len(line):
            yield line.sort_values("alpha", key=abs)


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
