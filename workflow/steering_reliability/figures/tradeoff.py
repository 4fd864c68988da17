"""Refusal on harm_test against what it costs on benign prompts."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.figures.controls import control_handles
from steering_reliability.figures.label_places import place_labels
from steering_reliability.figures.panels import interval_bars, sample_sizes
from steering_reliability.figures.style import GRID, INK, MUTED, LineStyle, finish, new_figure
from steering_reliability.figures.tradeoff_points import (
    COST,
    COST_TITLE,
    READING,
    REFUSAL,
    REFUSAL_LIMITS,
    REFUSAL_TITLE,
    UNSTEERED,
    cost_limits,
    tradeoff_frontier,
    tradeoff_points,
    tradeoff_styles,
)

_NAME_SIZE: Final = 8.0


def draw_tradeoff(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw every operating point and control by benign helpfulness drop and harm_test refusal, with the frontier."""
    points = tradeoff_points(summary)
    styles = tradeoff_styles(points)
    figure = new_figure(width=7.6, height=5.9)
    axes = figure.subplots()
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    for _, point in points.iterrows():
        _draw_point(axes, point, styles[point["series"]])
    frontier = tradeoff_frontier(points)
    axes.plot(frontier[COST], frontier[REFUSAL], color=INK, linewidth=1.3, drawstyle="steps-post", zorder=2.5)
    axes.set_xlabel(COST_TITLE)
    axes.set_ylabel(REFUSAL_TITLE)
    axes.set_xlim(*cost_limits(points))
    axes.set_ylim(*REFUSAL_LIMITS)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    _legend(axes, points, styles)
    finish(
        figure,
        title="Trade-off: refusal on harm_test against helpfulness lost on benign",
        subtitle=READING,
        footer=[
            title,
            sample_sizes(summary),
            "labels: layer, alpha (share of the residual norm)",
            "bars: 95% intervals",
        ],
    )
    _label_frontier(figure, axes, frontier, points)
    return figure


def _draw_point(axes: Axes, point: pd.Series, style: LineStyle) -> None:
    x, y, one = point[COST], point[REFUSAL], point.to_frame().T
    is_control, is_unsteered = point["role"] != "main", point["series"] == UNSTEERED
    axes.errorbar(
        x, y, xerr=interval_bars(one, COST), yerr=interval_bars(one, REFUSAL), fmt="none", ecolor=style.colour,
        elinewidth=1.2 if point["on_pareto"] else 0.6, zorder=2,
    )  # fmt: skip
    size = 11 if is_unsteered else 6 if is_control else 6.5
    axes.plot(
        x, y, marker=style.marker, markersize=size, markerfacecolor="white" if point["is_hollow"] else style.colour,
        markeredgecolor=style.colour, markeredgewidth=1.0 if is_control else 1.3, linestyle="none",
        zorder=3.5 if is_control else 3,
    )  # fmt: skip
    if point["is_mostly_degenerate"]:
        axes.plot(x, y, marker="x", markersize=size + 5, color=INK, markeredgewidth=1.1, linestyle="none", zorder=4)


def _legend(axes: Axes, points: pd.DataFrame, styles: dict[str, LineStyle]) -> None:
    is_study = points["role"] == "main"
    own = points[is_study]
    handles = [
        Line2D(
            [], [], color=style.colour, marker=style.marker, markersize=10 if name == UNSTEERED else 6,
            linestyle="none", label=name,
        )
        for name, style in styles.items() if name in set(own["series"])
    ]  # fmt: skip
    grey = {"color": MUTED, "linestyle": "none"}
    if set(own.loc[own["series"] != UNSTEERED, "intervention"]) == {"add", "ablate"}:
        handles.append(Line2D([], [], marker="o", label="add", **grey))  # type: ignore[arg-type]
        handles.append(Line2D([], [], marker="o", markerfacecolor="white", label="ablate", **grey))  # type: ignore[arg-type]
    if points["is_mostly_degenerate"].any():
        cross = Line2D([], [], color=INK, marker="x", markersize=8, linestyle="none", label="mostly\ndegenerate")
        handles.append(cross)
    handles += control_handles(points[~is_study])
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5, borderaxespad=0.0
    )


def _label_frontier(figure: Figure, axes: Axes, frontier: pd.DataFrame, points: pd.DataFrame) -> None:
    """Name the frontier's points, each where it covers neither a point nor another name; drop what finds no place."""
    figure.draw_without_rendering()
    named = frontier[frontier["label"] != ""]
    to_points = 72 / figure.dpi
    inside = axes.get_window_extent()
    sizes = [_extent(axes, text) * to_points for text in named["label"]]

    def at(rows: pd.DataFrame) -> np.ndarray:
        return np.asarray((axes.transData.transform(rows[[COST, REFUSAL]].to_numpy()) - inside.min) * to_points)

    places = place_labels(
        at(named), sizes=np.reshape(sizes, (-1, 2)), drawn=at(points), width=inside.width * to_points,
        height=inside.height * to_points,
    )  # fmt: skip
    for (_, point), place in zip(named.iterrows(), places, strict=True):
        if place is not None:
            axes.annotate(
                point["label"], (point[COST], point[REFUSAL]), xytext=place, textcoords="offset points", va="center",
                ha="left" if place.x > 0 else "right",
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3},
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
                fontsize=_NAME_SIZE, color=INK, zorder=5,
            )  # fmt: skip


def _extent(axes: Axes, text: str) -> np.ndarray:
    """Width and height of a name (pixels)."""
    drawn = axes.text(0, 0, text, fontsize=_NAME_SIZE)
    extent = drawn.get_window_extent()
    drawn.remove()
    return np.array([extent.width, extent.height])
