"""Refusal on each split against strength."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.controls import control_note, controls_of, draw_controls
from steering_reliability.figures.panels import (
    AlphaAxis,
    Panel,
    draw_with_intervals,
    label_line_ends,
    sample_sizes,
    strength_panels,
)
from steering_reliability.figures.style import MUTED, SPLIT_STYLES, finish
from steering_reliability.results.schema import SPLITS
from steering_reliability.statistics.intervals import wilson_interval


def draw_dose_response(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw the refusal rate per split and the degenerate share, one panel per intervention and layer."""

    def draw(axes: Axes, panel: Panel, axis: AlphaAxis, ends_row: bool) -> None:
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
        ends = _draw_panel(axes, panel, axis)
        if ends_row:
            label_line_ends(axes, ends, distance=0.085)
        draw_controls(axes, controls_of(summary, panel), axis=axis, name="refusal_harm_test")

    figure = strength_panels(summary, height=2.45, margin=0.9, ylabel="share of completions", draw=draw)
    controls = control_note(summary, measured="refusal on harm_test; the bar holds all their 95% intervals")
    finish(
        figure,
        title="Dose response: share of completions that refuse, by prompt set",
        subtitle="Dotted grey: degenerate text (all prompt sets); where it is high, a refusal means little",
        footer=[*controls, title, sample_sizes(summary), "bars and band: 95% intervals by template"],
    )
    return figure


def _draw_panel(axes: Axes, panel: Panel, axis: AlphaAxis) -> list[tuple[float, str, str]]:
    x = axis.at(panel.points["alpha"])
    degenerate = _draw_degenerate(axes, panel.points, x)
    ends = [(degenerate, "degenerate", MUTED)]
    for rank, split in enumerate(SPLITS):
        name, style = f"refusal_{split}", SPLIT_STYLES[split].of(panel.ticks)
        if panel.points[name].isna().all():
            continue
        draw_with_intervals(axes, x + (rank - 1) * 0.016 * axis.span, panel.points, name=name, style=style)
        ends.append((float(panel.points[name].iloc[-1]), split, style.colour))
    return ends


def _draw_degenerate(axes: Axes, points: pd.DataFrame, x: np.ndarray) -> float:
    counts = sum(points[f"degenerate_{split}"].fillna(0) * points[f"degenerate_{split}_n"] for split in SPLITS)
    total = sum(points[f"degenerate_{split}_n"] for split in SPLITS)
    share = wilson_interval(counts, total)
    axes.fill_between(x, share.low, share.high, color=MUTED, alpha=0.14, linewidth=0, zorder=1)
    axes.plot(x, share.value, color=MUTED, linestyle=":", linewidth=1.3, zorder=1.5)
    return float(share.value[-1])
