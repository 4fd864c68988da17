"""A rate over layers and strengths."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.controls import CONTROL_STYLES, control_points, random_band
from steering_reliability.figures.panels import (
    curve_name,
    curve_order,
    percent,
    sample_sizes,
    strength_title,
    study_points,
)
from steering_reliability.figures.style import INK, TEXT, TINY, finish, new_figure
from steering_reliability.results.schema import at_point, layers_in_order
from steering_reliability.text.numbers import rounded

LIGHT_FROM = 0.47
"""Share from which cividis is light enough for black figures (a contrast of 4.5), and up to which for white ones."""

_MANY_DEGENERATE = 0.1
_CELL_WIDTH, _CELL_HEIGHT = 0.86, 0.62
_RANDOM = CONTROL_STYLES["random"].sign


def draw_heatmap(summary: pd.DataFrame, *, rate: str, heading: str, reading: str, title: str) -> Figure:
    """Draw a rate as layer x alpha, each cell with the rate, its interval and n, one panel per intervention.

    `rate` is a column such as refusal_harm_test; `reading` is one sentence on how to read the figure.
    """
    study, controls = study_points(summary), control_points(summary)
    groups = _grids(study)
    widths = [points["alpha"].nunique() for _, points in groups]
    heights = [points["layer"].nunique() for _, points in groups]
    figure = new_figure(
        width=max(5.0, 1.9 + _CELL_WIDTH * max(widths)),
        height=1.5 + sum(_CELL_HEIGHT * height + 0.85 for height in heights),
    )
    grid = figure.subplots(len(groups), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axes, (name, points) in zip(grid.flat, groups, strict=True):
        _draw_cells(axes, points, rate, controls=controls)
        axes.set_title(name, loc="left", color=INK)
    cells, every = grid.flat[0].images[0], list(grid.flat)
    figure.colorbar(cells, ax=every, format=lambda share, _: f"{100 * share:.0f}%", fraction=0.04, pad=0.02)
    notes = [title, sample_sizes(summary), "in each cell: rate, 95% interval by template"]
    if random_band(controls, rate) is not None:
        notes.append(f"{_RANDOM}: the band that holds the intervals of the random directions of the same length")
    finish(figure, title=heading, subtitle=f"{reading} †: more than 10% of that split is degenerate", footer=notes)
    return figure


def _grids(study: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    grids = study.groupby(["intervention", "direction", "seed"], sort=True)
    return [
        (curve_name(str(intervention), study, direction, seed), points)
        for (intervention, direction, seed), points in sorted(grids, key=lambda grid: curve_order(str(grid[0][0])))
    ]


def _draw_cells(axes: Axes, points: pd.DataFrame, rate: str, *, controls: pd.DataFrame) -> None:
    layers, alphas = layers_in_order(points["layer"]), sorted(points["alpha"].unique())
    table = points.pivot(index="layer", columns="alpha", values=rate).reindex(index=layers, columns=alphas)
    # Cividis runs evenly from dark to light for colour-blind eyes and in grey.
    axes.imshow(table.to_numpy(dtype=float), cmap="cividis", vmin=0, vmax=1, aspect="auto", origin="lower")
    for _, point in points.iterrows():
        here = at_point(controls, point, keys=("intervention", "layer", "alpha", "seed"))
        x, y = alphas.index(point["alpha"]), layers.index(point["layer"])
        _write_cell(axes, point, rate, x=x, y=y, band=random_band(here, rate))
    strengths = points.groupby("alpha")["relative_strength"]
    labels = [f"{alpha:g}\n{_range(strengths.get_group(alpha))}" for alpha in alphas]
    axes.set_xticks(range(len(alphas)), labels)
    axes.set_yticks(range(len(layers)), [layer.replace("-from-", "\nfrom ") for layer in layers])
    axes.set_xlabel(strength_title(points["intervention"].iloc[0], width=60))
    axes.set_ylabel("layer" if all(layer.isdigit() for layer in layers) else "layers")
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xticks(np.arange(len(alphas) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(layers) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)


def _write_cell(axes: Axes, point: pd.Series, rate: str, *, x: int, y: int, band: tuple[float, float] | None) -> None:
    value, split = float(point[rate]), rate.removeprefix("refusal_").removeprefix("helpful_")
    if math.isnan(value):
        axes.text(x, y, "no data", ha="center", va="center", fontsize=TINY, color=INK)
        return
    colour = "black" if value > LIGHT_FROM else "white"
    mark = "†" if point[f"degenerate_{split}"] > _MANY_DEGENERATE else ""
    interval = _band_text(point[f"{rate}_low"], point[f"{rate}_high"])
    raised = 0.1 if band else 0.0
    axes.text(
        x, y + 0.13 + raised, f"{rounded(100 * value)}%{mark}", ha="center", va="center", fontsize=TEXT, color=colour
    )
    axes.text(x, y - 0.24 + 1.5 * raised, interval, ha="center", va="center", fontsize=TINY, color=colour)
    if band:
        control = f"{_RANDOM} {_band_text(*band)}"
        axes.text(x, y - 0.36, control, ha="center", va="center", fontsize=TINY, color=colour)


def _band_text(low: float, high: float) -> str:
    return "no interval" if math.isnan(low) else f"{rounded(100 * low)}–{rounded(100 * high)}"


def _range(strengths: pd.Series) -> str:
    low, high = strengths.min(), strengths.max()
    if percent(low) == percent(high):
        return percent(low)
    return f"{percent(low).removesuffix('%')} to {percent(high)}"
