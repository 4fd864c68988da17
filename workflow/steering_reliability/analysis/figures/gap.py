"""The generalization gap against strength."""

import pandas as pd
from matplotlib.figure import Figure

from steering_reliability.analysis.figures.panels import (
    alpha_axis,
    caption_alphas,
    draw_with_intervals,
    ends_row,
    label_alphas,
    label_line_ends,
    panel_grid,
    plain_grid,
    sample_sizes,
    starts_row,
    study_panels,
)
from steering_reliability.analysis.figures.style import INK, MUTED, LineStyle, finish

_GAP = LineStyle("#0072B2", "o", "-")
_EFFECT_GAP = LineStyle("#D55E00", "s", "--")


def draw_gap(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw gap and effect gap against alpha, one panel per intervention and layer.

    Args:
        summary: From `summarise`.
        title: Name of the run or model.

    Returns:
        The figure.
    """
    panels = study_panels(summary)
    figure, grid = panel_grid(panels, height=2.35, margin=0.7)
    reach = _reach(summary)
    for axes, panel in zip(grid, panels, strict=True):
        axis = alpha_axis(panel.points["alpha"].tolist())
        x, shift = axis.at(panel.points["alpha"]), 0.012 * axis.span
        axes.axhline(0, color=MUTED, linewidth=0.9)
        axes.set_ylim(-reach, reach)
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:+.0f}" if share else "0")
        draw_with_intervals(axes, x - shift, panel.points, name="gap", style=_GAP)
        draw_with_intervals(axes, x + shift, panel.points, name="effect_gap", style=_EFFECT_GAP, filled=False)
        label_alphas(axes, axis, strengths=panel.points.set_index("alpha")["relative_strength"])
        axes.set_title(panel.title, loc="left", color=INK)
        caption_alphas(axes, axis)
        plain_grid(axes)
        if starts_row(axes):
            axes.set_ylabel("harm_train minus\nharm_test (points)")
        if ends_row(axes):
            last = panel.points.iloc[-1]
            ends = [(last["gap"], "gap", _GAP.colour), (last["effect_gap"], "gap of\neffects", _EFFECT_GAP.colour)]
            label_line_ends(axes, ends, distance=0.26 * reach)
    finish(
        figure,
        title="Does steering hold out of distribution? Refusal gap, harm_train minus harm_test",
        subtitle="Above 0: harm_train is refused more. The gap of effects subtracts what the unsteered model does",
        footer=[title, sample_sizes(summary), "bars: 95% intervals"],
    )
    return figure


def _reach(summary: pd.DataFrame) -> float:
    """Return a symmetric limit that holds every interval, so that 0 is in the middle."""
    study = summary[summary["role"] == "main"]
    names = ["gap_low", "gap_high", "effect_gap_low", "effect_gap_high"]
    largest = study[names].abs().max().max()
    return float(min(2.0, max(0.3, 1.08 * largest))) if largest == largest else 1.0  # noqa: PLR0124 (NaN)
