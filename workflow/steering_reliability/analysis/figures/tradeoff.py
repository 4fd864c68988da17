"""Refusal out of distribution against what it costs on benign prompts."""

from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from steering_reliability.analysis.figures.controls import CONTROL_STYLES, control_handles, control_points
from steering_reliability.analysis.figures.panels import interval_bars, percent, sample_sizes, study_points
from steering_reliability.analysis.figures.style import GRID, INK, MUTED, LineStyle, finish, new_figure, series_styles
from steering_reliability.analysis.pareto import pareto_table

_X, _Y = "helpfulness_drop", "refusal_harm_test"
_MOSTLY_DEGENERATE: Final = 0.5


def draw_tradeoff(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw every operating point by benign helpfulness drop and harm_test refusal, with the Pareto frontier.

    The controls are drawn too, and never lie on the frontier.

    Args:
        summary: From `summarise`.
        title: Name of the run or model.

    Returns:
        The figure.
    """
    study = study_points(summary).dropna(subset=[_X, _Y])
    layers = sorted(study["layer"].unique())
    styles = dict(zip(layers, series_styles(len(layers)), strict=True))
    figure = new_figure(width=7.6, height=5.9)
    axes = figure.subplots()
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    steered = study[~study["from_baseline"].astype(bool)]
    for _, point in steered.iterrows():
        _draw_point(axes, point, styles[point["layer"]])
    controls = control_points(summary).dropna(subset=[_X, _Y])
    for _, point in controls.iterrows():
        _draw_control(axes, point)
    baseline = study[study["from_baseline"].astype(bool)].head(1)
    for _, point in baseline.iterrows():
        _draw_point(axes, point, LineStyle("#000000", "*", "-"), size=11)
    frontier = pareto_table(study)
    axes.plot(frontier[_X], frontier[_Y], color=INK, linewidth=1.3, drawstyle="steps-post", zorder=2.5)
    axes.set_xlabel("benign helpfulness given up (baseline minus steered, share of prompts)")
    axes.set_ylabel("refusal on harm_test (share of completions)")
    axes.set_ylim(-0.03, 1.03)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    _legend(axes, steered, styles, controls)
    finish(
        figure,
        title="Trade-off: refusal on harm_test against helpfulness lost on benign",
        subtitle="Up and left is better; the line joins the points that no other beats on both",
        footer=[
            title,
            sample_sizes(summary),
            "labels: layer, alpha (share of the residual norm)",
            "bars: 95% intervals",
        ],
    )
    _label_frontier(figure, axes, frontier, pd.concat([study, controls]))
    return figure


def _draw_point(axes: Axes, point: pd.Series, style: LineStyle, *, size: float = 6.5) -> None:
    x, y = point[_X], point[_Y]
    _draw_bars(axes, point, colour=style.colour, emphasis=0.55 if point["on_pareto"] else 0.22)
    hollow = point["intervention"] == "ablate" and not point["from_baseline"]
    face = "white" if hollow else style.colour
    axes.plot(
        x, y, marker=style.marker, markersize=size, markerfacecolor=face, markeredgecolor=style.colour,
        markeredgewidth=1.3, linestyle="none", zorder=3,
    )  # fmt: skip
    if not point["from_baseline"] and point["degenerate_harm_test"] > _MOSTLY_DEGENERATE:
        axes.plot(x, y, marker="x", markersize=size + 5, color=INK, markeredgewidth=1.1, linestyle="none", zorder=4)


def _draw_control(axes: Axes, point: pd.Series) -> None:
    style = CONTROL_STYLES[point["role"]]
    _draw_bars(axes, point, colour=INK, emphasis=0.45)
    axes.plot(
        point[_X], point[_Y], marker=style.marker, markersize=6, markerfacecolor=style.face, markeredgecolor=INK,
        markeredgewidth=1.0, linestyle="none", zorder=3.5,
    )  # fmt: skip


def _draw_bars(axes: Axes, point: pd.Series, *, colour: str, emphasis: float) -> None:
    one = point.to_frame().T
    axes.errorbar(
        point[_X], point[_Y], xerr=interval_bars(one, _X), yerr=interval_bars(one, _Y), fmt="none", ecolor=colour,
        elinewidth=0.9, alpha=emphasis, zorder=2,
    )  # fmt: skip


def _legend(axes: Axes, steered: pd.DataFrame, styles: dict[int, LineStyle], controls: pd.DataFrame) -> None:
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, linestyle="none", label=f"layer {layer}")
        for layer, style in styles.items()
    ]
    grey = {"color": MUTED, "linestyle": "none"}
    handles.append(Line2D([], [], color="black", marker="*", markersize=10, linestyle="none", label="unsteered"))
    if set(steered["intervention"]) == {"add", "ablate"}:
        handles.append(Line2D([], [], marker="o", label="add", **grey))  # type: ignore[arg-type]
        handles.append(Line2D([], [], marker="o", markerfacecolor="white", label="ablate", **grey))  # type: ignore[arg-type]
    if (steered["degenerate_harm_test"] > _MOSTLY_DEGENERATE).any():
        cross = Line2D([], [], color=INK, marker="x", markersize=8, linestyle="none", label="mostly\ndegenerate")
        handles.append(cross)
    handles += control_handles(controls)
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8.5, borderaxespad=0.0
    )


def _label_frontier(figure: Figure, axes: Axes, frontier: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Name the frontier's points, each where it covers neither a point nor another name; drop what finds no place."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in axes.transData.transform(drawn[[_X, _Y]].to_numpy())]
    inside = axes.get_window_extent()
    for _, point in frontier[~frontier["from_baseline"].astype(bool)].iterrows():
        text = f"L{point['layer']}, {point['alpha']:g} ({percent(point['relative_strength'])})"
        for offset, side in (((9, 6), "left"), ((-9, 6), "right"), ((9, -9), "left"), ((-9, -9), "right"),
                             ((18, 18), "left"), ((-18, 18), "right"), ((18, -21), "left"), ((30, -6), "left"),
                             ((-18, -21), "right"), ((40, -18), "left"), ((40, 12), "left")):  # fmt: skip
            label = axes.annotate(
                text, (point[_X], point[_Y]), xytext=offset, textcoords="offset points", ha=side, va="center",
                fontsize=8, color=INK, zorder=5,
                arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3},
                bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "alpha": 0.8, "linewidth": 0},
            )  # fmt: skip
            label.update_positions(renderer)
            extent = Text.get_window_extent(label, renderer)  # without its leader line
            free = not any(extent.overlaps(other) for other in taken)
            if free and inside.containsx(extent.x0) and inside.containsx(extent.x1) and inside.containsy(extent.y1):
                taken.append(extent)
                break
            label.remove()
