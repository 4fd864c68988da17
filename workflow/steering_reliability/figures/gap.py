"""The generalization gap against strength."""

from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.controls import control_note, control_points, controls_of, draw_controls
from steering_reliability.figures.panels import (
    AlphaAxis,
    Panel,
    draw_with_intervals,
    label_line_ends,
    sample_sizes,
    signed_points,
    strength_panels,
    study_points,
    symmetric_limit,
)
from steering_reliability.figures.style import MUTED, LineStyle, finish

_GAP = LineStyle("#0072B2", "o", "-")
_EFFECT_GAP = LineStyle("#D55E00", "s", "--")
_PROMPTS: Final = {
    "effect_gap_unseen": "gap of effects: harm_train prompts that did not build the direction",
    "effect_gap": "gap of effects: all harm_train prompts",
}


def draw_gap(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw gap and effect gap against alpha, one panel per intervention and layer."""
    effect_gap = headline_gap(summary)
    ends = [f"{effect_gap}_low", f"{effect_gap}_high"]
    drawn = pd.concat([study_points(summary)[["gap_low", "gap_high", *ends]], control_points(summary)[ends]])
    reach = symmetric_limit(drawn, largest=2.0)

    def draw(axes: Axes, panel: Panel, axis: AlphaAxis, ends_row: bool) -> None:
        axes.set_ylim(-reach, reach)
        _draw_panel(axes, panel, axis, effect_gap=effect_gap)
        if ends_row:
            last = panel.points.iloc[-1]
            ends = [(last["gap"], "gap", _GAP.colour), (last[effect_gap], "gap of\neffects", _EFFECT_GAP.colour)]
            label_line_ends(axes, ends, distance=0.26 * reach)
        draw_controls(axes, controls_of(summary, panel), axis=axis, name=effect_gap)

    ylabel = "harm_train minus\nharm_test (points)"
    figure = strength_panels(summary, height=2.35, margin=0.7, ylabel=ylabel, draw=draw)
    controls = control_note(summary, measured="gap of effects; the bar holds all their 95% intervals")
    finish(
        figure,
        title="Does steering do as much on harm_test? Refusal gap, harm_train minus harm_test",
        subtitle="Above 0: harm_train is refused more. The gap of effects subtracts what the unsteered model does",
        footer=[_PROMPTS[effect_gap], *controls, title, sample_sizes(summary), "bars: 95% intervals"],
    )
    return figure


def headline_gap(summary: pd.DataFrame) -> str:
    """Name the gap of effects that counts: on prompts that did not build the direction, where there are any."""
    unseen = study_points(summary)["effect_gap_unseen"].notna().any()
    return "effect_gap_unseen" if unseen else "effect_gap"


def _draw_panel(axes: Axes, panel: Panel, axis: AlphaAxis, *, effect_gap: str) -> None:
    x, shift = axis.at(panel.points["alpha"]), 0.012 * axis.span
    axes.axhline(0, color=MUTED, linewidth=0.9)
    axes.yaxis.set_major_formatter(signed_points)
    draw_with_intervals(axes, x - shift, panel.points, name="gap", style=_GAP.of(panel.ticks))
    draw_with_intervals(axes, x + shift, panel.points, name=effect_gap, style=_EFFECT_GAP.of(panel.ticks), filled=False)
