"""Refusal on harm_test against its cost on benign prompts: the points, which the page shows too, and the picture."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.figures.controls import CONTROL_STYLES, control_handles, control_points
from steering_reliability.figures.label_places import place_labels
from steering_reliability.figures.panels import LENGTHS, SHARES, interval_bars, percent, sample_sizes, study_points
from steering_reliability.figures.style import GRID, INK, MUTED, SMALL, LineStyle, finish, new_figure, series_styles
from steering_reliability.results.schema import POINT_KEYS, layers_in_order
from steering_reliability.text.layers import layer_tag, layer_words

COST: Final = "helpfulness_drop"
REFUSAL: Final = "refusal_harm_test"
COST_TITLE: Final = "helpful answers to benign prompts given up (points)"
REFUSAL_TITLE: Final = "harm_test prompts refused"
REFUSAL_LIMITS: Final = (-0.03, 1.03)
READING: Final = "Up and left is better; the line joins the points that no other beats on both"

_COLUMNS: Final = [
    *POINT_KEYS, "relative_strength", "from_baseline", "on_pareto", "degenerate_harm_test",
    *(f"{name}{end}" for name in (COST, REFUSAL) for end in ("", "_low", "_high")),
    "refusal_harm_test_n", *(f"helpful_benign{end}" for end in ("", "_low", "_high", "_n")),
]  # fmt: skip

UNSTEERED: Final = "unsteered"
MOSTLY_DEGENERATE: Final = "mostly degenerate"
MOST: Final = 0.5
"""Share of degenerate completions above which a point's refusals mean little."""
_SHORT: Final = 18
"""Letters of a legend's line, of which three fit beside each other."""


def tradeoff_points(summary: pd.DataFrame) -> pd.DataFrame:
    """Return every point of the trade-off, to be drawn in this order: steered ones, controls, the unsteered model.

    Returns:
        Rows of the summary with `series` (the entry of the legend), `fill` (how full the mark is, 0 to 1),
        `is_mostly_degenerate` and `label` (of the frontier's steered points, else empty); the unsteered model once, and
        only the study on the frontier.
    """
    study = study_points(summary)
    baseline = study["from_baseline"].astype(bool)
    points = pd.concat([study[~baseline], control_points(summary), study[baseline].head(1)])
    points = points.loc[points[[COST, REFUSAL]].notna().all(axis=1), _COLUMNS].reset_index(drop=True)
    is_study, is_steered = points["role"] == "main", ~points["from_baseline"].astype(bool)
    degenerate = points["degenerate_harm_test"] > MOST
    points = points.assign(series=[_series(row) for _, row in points.iterrows()])
    fills = mark_fills(points)
    of_kind = points["intervention"].map(fills).where(is_study & is_steered, 1.0)
    return points.assign(
        fill=of_kind.where(points["role"] != "shuffled", 0.0),
        is_mostly_degenerate=is_steered & is_study & degenerate,
        on_pareto=is_study & points["on_pareto"].astype(bool),
        label=[_label(row, with_kind=len(fills) > 2) for _, row in points.iterrows()],
    )


def tradeoff_frontier(points: pd.DataFrame) -> pd.DataFrame:
    """Return the points of the frontier by cost."""
    return points[points["on_pareto"]].sort_values([COST, REFUSAL], kind="stable")


def tradeoff_styles(points: pd.DataFrame) -> dict[str, LineStyle]:
    """Return the look of each series, in the order of the legend; what is `INK` takes the colour of the text."""
    layers = layers_in_order(points.loc[(points["role"] == "main") & (points["series"] != UNSTEERED), "layer"])
    styles = {layer_words(layer): style for layer, style in zip(layers, series_styles(len(layers)), strict=True)}
    styles[UNSTEERED] = LineStyle(INK, "*", "-")
    styles |= {kind.name: LineStyle(INK, kind.marker, "-") for kind in CONTROL_STYLES.values()}
    return {name: style for name, style in styles.items() if (points["series"] == name).any()}


def cost_limits(points: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis of cost: every interval and 0, with some room."""
    ends = points[[COST, f"{COST}_low", f"{COST}_high"]].astype(float)
    low, high = min(0.0, ends.min().min()), max(0.1, ends.max().max())
    return (low - 0.04 * (high - low), high + 0.04 * (high - low)) if len(points) else (0.0, 1.0)


def _series(row: pd.Series) -> str:
    if row["role"] in CONTROL_STYLES:
        return CONTROL_STYLES[row["role"]].name
    return UNSTEERED if row["from_baseline"] else layer_words(row["layer"])


def _label(row: pd.Series, *, with_kind: bool) -> str:
    """Name a point of the frontier; with its intervention where fills are hard to tell apart (`with_kind`)."""
    if row["role"] != "main" or row["from_baseline"] or not row["on_pareto"]:
        return ""
    kind = f"{row['intervention']} " if with_kind else ""
    return f"{kind}{layer_tag(row['layer'])}, {row['alpha']:g} ({percent(row['relative_strength'])})"


def mark_fills(points: pd.DataFrame) -> dict[str, float]:
    """Return how full the marks of each intervention of the study are: the first full, the last hollow."""
    there = set(points.loc[(points["role"] == "main") & ~points["from_baseline"].astype(bool), "intervention"])
    kinds = [kind for kind in (*LENGTHS, *SHARES) if kind in there]
    return {kind: 1 - rank / max(len(kinds) - 1, 1) for rank, kind in enumerate(kinds)}


def fill_words(points: pd.DataFrame) -> str:
    """Say which intervention has which fill, empty where there is one alone."""
    names = {1.0: "full", 0.5: "half full", 0.0: "hollow"}
    words = [f"{names.get(fill, f'{percent(fill)} full')} {kind}" for kind, fill in mark_fills(points).items()]
    return f" Marks: {', '.join(words)}." if len(words) > 1 else ""


def draw_tradeoff(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw every operating point and control by benign helpfulness drop and harm_test refusal, with the frontier."""
    points = tradeoff_points(summary)
    styles = tradeoff_styles(points)
    figure = new_figure(width=5.0, height=6.0)
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
    size = 8 if is_unsteered else 4.5 if is_control else 5
    axes.plot(
        x, y, marker=style.marker, markersize=size, markerfacecolor=_mixed(style.colour, fill=point["fill"]),
        markeredgecolor=style.colour, markeredgewidth=1.0 if is_control else 1.3, linestyle="none",
        zorder=3.5 if is_control else 3,
    )  # fmt: skip
    if point["is_mostly_degenerate"]:
        axes.plot(x, y, marker="x", markersize=size + 5, color=INK, markeredgewidth=1.1, linestyle="none", zorder=4)


def _mixed(colour: str, *, fill: float) -> tuple[float, ...]:
    """A colour on white, `fill` of it."""
    return tuple(fill * part + 1 - fill for part in to_rgb(colour))


def _legend(axes: Axes, points: pd.DataFrame, styles: dict[str, LineStyle]) -> None:
    is_study = points["role"] == "main"
    study = points[is_study]
    handles = [
        Line2D(
            [], [], color=style.colour, marker=style.marker, markersize=8 if name == UNSTEERED else 5,
            linestyle="none", label=name.replace(" (", "\n("),
        )
        for name, style in styles.items() if name in set(study["series"])
    ]  # fmt: skip
    grey = {"color": MUTED, "linestyle": "none"}
    fills = mark_fills(points)
    if len(fills) > 1:
        handles += [
            Line2D([], [], marker="o", markerfacecolor=_mixed(MUTED, fill=fill), label=kind, **grey)  # type: ignore[arg-type]
            for kind, fill in fills.items()
        ]
    if points["is_mostly_degenerate"].any():
        cross = Line2D([], [], color=INK, marker="x", markersize=8, linestyle="none", label="mostly\ndegenerate")
        handles.append(cross)
    handles += control_handles(points[~is_study])
    lines = [line for handle in handles for line in str(handle.get_label()).split("\n")]
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.16, 1.0),
        ncols=3 if max(map(len, lines), default=0) <= _SHORT else 2,
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.2,
        columnspacing=1.0,
        handletextpad=0.3,
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
                fontsize=SMALL, color=INK, zorder=5,
            )  # fmt: skip


def _extent(axes: Axes, text: str) -> np.ndarray:
    drawn = axes.text(0, 0, text, fontsize=SMALL)
    extent = drawn.get_window_extent()
    drawn.remove()
    return np.array([extent.width, extent.height])
