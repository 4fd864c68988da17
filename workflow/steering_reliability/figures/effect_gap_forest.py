"""The gap of effects at every point, as a forest plot."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.figures.controls import random_band
from steering_reliability.figures.panels import Panel, signed_points, study_panels, symmetric_limit
from steering_reliability.figures.style import GRID, INK, MUTED, SMALL, TEXT, TINY, finish, new_figure

_LONGEST: Final = 42
"""Rows of one column: more would not fit a page."""

_CLEAR, _UNCLEAR = "#D55E00", "#56768C"
_LEVEL: Final = 0.05
_SHIFT: Final = {"unseen": -0.17, "all": 0.17}
_ROW_HEIGHT: Final = 0.235
_APART: Final = 0.4


def draw_effect_gap_forest(gaps: pd.DataFrame, *, title: str, controls: pd.DataFrame | None = None) -> Figure:
    """Draw the gap of effects with its interval at every steered point, on unseen and on all harm_train prompts.

    Points whose corrected p is at most 0.05 are coloured and thick.

    `gaps` may be empty. The band of `controls` is drawn where there are random directions.
    """
    gaps = gaps[gaps["outcome"] == "clean_refusal"]
    columns = _columns(study_panels(gaps))
    longest = max(4.0, *(sum(_rows(panel) for panel in column) for column in columns))
    figure = new_figure(width=5.0 * len(columns), height=2.1 + _ROW_HEIGHT * longest)
    grid = figure.subplots(1, len(columns), squeeze=False, sharex=True)
    band = None
    if controls is not None:
        band = random_band(controls, "effect_gap_unseen") or random_band(controls, "effect_gap")
    limit = symmetric_limit(gaps[["effect_gap", "low", "high"]], largest=2.1)
    reach = max(limit, *(abs(1.08 * end) for end in band or ()), 0.0)
    for axes, column in zip(grid.flat, columns, strict=True):
        axes.set_xlim(-reach, reach)
        if band:
            axes.axvspan(*band, color=GRID, alpha=0.7, linewidth=0, zorder=0)
        axes.set_ylim(longest - _APART - 0.4, -0.9)
        _draw_column(axes, column)
        axes.set_xlabel("effect on harm_train minus\neffect on harm_test (points)")
    grid.flat[0].legend(
        handles=_handles(), loc="lower left", bbox_to_anchor=(-0.06, 1.0), ncols=3, frameon=False, fontsize=SMALL,
        columnspacing=0.8, handletextpad=0.3, borderaxespad=0.2,
    )  # fmt: skip
    finish(
        figure,
        title="Does steering do as much on harm_test as on harm_train? The gap of effects at every point",
        subtitle="Right of 0: refusal rises more (or falls less) on harm_train than on harm_test",
        footer=[
            "coloured: p at most 0.05 after correction over all claims; bold: on unseen prompts",
            "unseen: harm_train prompts that did not build the direction",
            "n: harm_train unseen (all) / harm_test prompts",
            title,
            "bars: 95% intervals by template",
            *(["grey band: holds the 95% intervals of the random directions of the same length"] if band else []),
        ],
    )
    return figure


def _rows(panel: Panel) -> float:
    """Return the height of a group in rows: its heading, its strengths and a gap."""
    return 1.0 + panel.points["alpha"].nunique() + _APART


def _columns(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Break the groups into columns of like length, about a page long at most."""
    total = sum(_rows(panel) for panel in panels)
    n = max(math.ceil(total / _LONGEST), 1)
    columns: list[list[Panel]] = [[] for _ in range(n)]
    used = 0.0
    for panel in panels:
        middle = used + _rows(panel) / 2
        columns[int(middle / total * n)].append(panel)
        used += _rows(panel)
    return columns


def _draw_column(axes: Axes, column: Sequence[Panel]) -> None:
    axes.axvline(0, color=MUTED, linewidth=1.0, zorder=1)
    axes.xaxis.set_major_formatter(signed_points)
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    places, names = [], []
    y = 0.0
    for panel in column:
        axes.text(-0.06, y, panel.title, transform=axes.get_yaxis_transform(), fontsize=TEXT, fontweight="bold",
                  color=INK, va="center")  # fmt: skip
        for alpha, tests in panel.points.groupby("alpha", sort=True):
            y += 1
            _draw_row(axes, y, tests.set_index("prompts"))
            places.append(y)
            names.append(f"{alpha:g}")
        y += 1 + _APART
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    if column:
        axes.text(1.02, -0.2, "n", transform=axes.get_yaxis_transform(), fontsize=SMALL, color=MUTED, va="center")
        axes.text(-0.02, -0.72, "alpha", transform=axes.get_yaxis_transform(), fontsize=SMALL, color=MUTED, ha="right",
                  va="center")  # fmt: skip
    else:
        axes.text(0.5, 0.5, "no steered point", transform=axes.transAxes, ha="center", color=MUTED)


def _draw_row(axes: Axes, y: float, tests: pd.DataFrame) -> None:
    for prompts, test in tests.iterrows():
        clear = test["p_corrected"] <= _LEVEL
        colour, width = (_CLEAR, 2.2) if clear else (_UNCLEAR, 1.1)
        place = y + _SHIFT[str(prompts)]
        axes.plot([test["low"], test["high"]], [place, place], color=colour, linewidth=width, zorder=2)
        axes.plot(
            test["effect_gap"], place, marker="o" if prompts == "unseen" else "s", linestyle="none", zorder=3,
            markersize=5.5 if prompts == "unseen" else 4, markeredgecolor=colour,
            markerfacecolor=colour if prompts == "unseen" else "white",
        )  # fmt: skip
    sizes = {name: tests["n_train"].get(name, 0) for name in _SHIFT}
    n = f"{sizes['unseen']:.0f} ({sizes['all']:.0f}) / {tests['n_test'].iloc[0]:.0f}"
    text = n if tests["effect_gap"].notna().any() else f"{n}: no data"
    axes.text(
        1.02, y, text, transform=axes.get_yaxis_transform(), fontsize=TINY, va="center",
        fontweight="bold" if tests["p_corrected"].get("unseen", np.nan) <= _LEVEL else "normal", color=INK,
    )  # fmt: skip


def _handles() -> list[Line2D]:
    marks = [
        ("unseen prompts", _UNCLEAR, "o", _UNCLEAR, 5.5),
        ("all prompts", _UNCLEAR, "s", "white", 4.0),
        ("corrected p ≤ 0.05", _CLEAR, "o", _CLEAR, 5.5),
    ]
    return [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=face, markersize=size, label=name)
        for name, colour, marker, face, size in marks
    ]
