"""Effect on refusal against disturbance of the next token: does the direction do more than a random one?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.controls import control_note, control_points, controls_of, draw_control
from steering_reliability.figures.panels import (
    Edges,
    Panel,
    draw_with_intervals,
    panel_grid,
    sample_sizes,
    signed_points,
    study_points,
)
from steering_reliability.figures.style import MUTED, TINY, LineStyle, finish

_KL, _EFFECT = "first_token_kl_harm_test", "refusal_effect_harm_test"
_STRONGER = LineStyle("#0072B2", "o", "-")
_REVERSED = LineStyle("#D55E00", "s", "--")


def draw_equal_kl(summary: pd.DataFrame, *, title: str) -> Figure:
    """Draw the effect on harm_test refusal against the mean first-token KL, one panel per intervention and layer."""

    def draw(axes: Axes, panel: Panel, edges: Edges) -> None:
        kl_scale(axes, _furthest(summary, panel))
        axes.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
        _draw_panel(axes, panel, controls_of(summary, panel))
        axes.margins(y=0.12)
        axes.yaxis.set_major_formatter(signed_points)
        if edges.column:
            axes.set_xlabel("mean first-token KL (nats)")

    figure = panel_grid(summary, height=2.45, ylabel="change of harm_test\nrefusal (points)", draw=draw)
    finish(
        figure,
        title="At the same disturbance of the next token, does the direction move refusal more than a control?",
        subtitle="Blue: alpha above 0; orange, dashed: alpha below 0; numbers: alpha",
        footer=[
            *control_note(summary, measured="change of harm_test refusal at their KL"),
            title,
            sample_sizes(summary),
            "bars: 95% intervals of the change, paired by prompt",
            "KL: a mean over prompts, without interval, on a square-root scale",
        ],
    )
    return figure


def _draw_panel(axes: Axes, panel: Panel, controls: pd.DataFrame) -> None:
    for style, curve in _curves(panel.points):
        draw_with_intervals(axes, curve[_KL].to_numpy(dtype=float), curve, name=_EFFECT, style=style)
        _label(axes, curve.iloc[1:], colour=style.colour, above=style is _STRONGER)
    for _, point in controls.dropna(subset=[_KL, _EFFECT]).iterrows():
        draw_control(axes, float(point[_KL]), point, name=_EFFECT)


def _label(axes: Axes, curve: pd.DataFrame, *, colour: str, above: bool) -> None:
    """Write alpha beyond the end of each interval, on the side where the other curve is not."""
    for _, point in curve.iterrows():
        axes.annotate(
            f"{point['alpha']:g}", (point[_KL], point[f"{_EFFECT}_{'high' if above else 'low'}"]),
            xytext=(0, 2 if above else -3), textcoords="offset points", ha="center", va="bottom" if above else "top",
            fontsize=TINY, color=colour, zorder=4,
        )  # fmt: skip


def _curves(points: pd.DataFrame) -> Iterator[tuple[LineStyle, pd.DataFrame]]:
    """Yield the points of either sign of alpha from the unsteered model on, which disturbs and changes nothing."""
    steered = points[~points["from_baseline"].astype(bool)].dropna(subset=[_KL, _EFFECT])
    origin = {"alpha": 0.0, _KL: 0.0, _EFFECT: 0.0, f"{_EFFECT}_low": 0.0, f"{_EFFECT}_high": 0.0}
    for style, sign in ((_STRONGER, 1), (_REVERSED, -1)):
        curve = steered[np.sign(steered["alpha"]) == sign].sort_values("alpha", key=abs)
        if len(curve):
            yield style, pd.concat([pd.DataFrame([origin]), curve[list(origin)]], ignore_index=True)


def _furthest(summary: pd.DataFrame, panel: Panel) -> float:
    """Return the largest KL of the intervention, so that its panels can be compared."""
    drawn = pd.concat([study_points(summary), control_points(summary)])
    kl = drawn.loc[drawn["intervention"] == panel.points["intervention"].iloc[0], _KL].max()
    return float(kl) if kl > 0 else 1.0


def kl_scale(axes: Axes, largest: float) -> None:
    """Lay out the KL by its square root, which is proportional to alpha while alpha is small."""
    # A mean KL can be a rounding error below 0.
    axes.set_xscale(
        "function", functions=(lambda kl: np.sign(kl) * np.sqrt(np.abs(kl)), lambda root: np.sign(root) * root**2)
    )
    axes.set_xlim(-0.002 * largest, 1.12 * largest)
    ticks = sorted({float(f"{largest * step**2:.1g}") for step in (0, 0.3, 0.5, 0.75, 1)})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
