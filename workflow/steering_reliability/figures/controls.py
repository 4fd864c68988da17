"""The control directions: what a direction that means nothing does at the same place and strength."""

import textwrap
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from steering_reliability.figures.panels import AlphaAxis, Panel, interval_bars
from steering_reliability.figures.style import INK
from steering_reliability.results.schema import at_point, steered_points


class ControlStyle(NamedTuple):
    """The look of one kind of control; `sign` is its marker in the footer, `shift` in shares of the strength axis."""

    name: str
    marker: str
    face: str
    sign: str
    shift: float


CONTROL_STYLES: Final = {
    "random": ControlStyle("random direction of the same length", "d", INK, "◆", 0.045),
    "shuffled": ControlStyle("shuffled labels", "h", "white", "⬡", 0.073),
}
"""By role. Black, with markers that no series of the study has: neither a split nor a layer is meant."""


def control_points(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the steered operating points of the random and shuffled directions."""
    return steered_points(summary, *CONTROL_STYLES)


def controls_of(summary: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Return the controls of one curve of the study: its intervention, layer and seed; a strip's by layer."""
    controls = control_points(summary)
    if not panel.ticks:
        return at_point(controls, panel.points.iloc[0], keys=("intervention", "layer", "seed"))
    places = panel.points[~panel.points["from_baseline"].astype(bool)].set_index("layer")["alpha"]
    found = at_point(controls, panel.points.iloc[0], keys=("intervention", "seed"))
    found = found[(found["alpha"] == panel.strength) & found["layer"].isin(places.index)]
    return found.assign(alpha=found["layer"].map(places).astype(float))


def random_band(controls: pd.DataFrame, name: str) -> tuple[float, float] | None:
    """Return the band that holds the intervals of `name` of all random directions; None where there are none."""
    random = controls[controls["role"] == "random"].dropna(subset=[f"{name}_low", f"{name}_high"])
    if random.empty:
        return None
    return float(random[f"{name}_low"].min()), float(random[f"{name}_high"].max())


def draw_controls(axes: Axes, controls: pd.DataFrame, *, axis: AlphaAxis, name: str) -> None:
    """Draw the controls to the right of their alpha, each kind on a bar that holds all of its intervals of `name`.

    Controls at an alpha that the panel lacks are left out.
    """
    here = controls[controls["alpha"].isin(axis.alphas)]
    for (role, _), points in here.groupby(["role", "alpha"], sort=True):
        style = CONTROL_STYLES[str(role)]
        x = axis.at(points["alpha"]) + style.shift * axis.span
        low, high = points[f"{name}_low"].min(), points[f"{name}_high"].max()
        axes.plot(x[:1].repeat(2), [low, high], color="#888888", linewidth=4, solid_capstyle="butt", zorder=3.2)
        _mark(axes, x, points[name].to_numpy(dtype=float), style=style)


def draw_control(axes: Axes, x: float, point: pd.Series, *, name: str) -> None:
    """Draw one control and its interval at `x`."""
    bars = interval_bars(point.to_frame().T, name)
    axes.errorbar(x, point[name], yerr=bars, fmt="none", ecolor=INK, elinewidth=0.9, zorder=3.2)
    _mark(axes, np.array([x]), np.array([point[name]], dtype=float), style=CONTROL_STYLES[point["role"]])


def _mark(axes: Axes, x: np.ndarray, y: np.ndarray, *, style: ControlStyle) -> None:
    axes.plot(
        x, y, marker=style.marker, markersize=4.5, markerfacecolor=style.face, markeredgecolor=INK,
        markeredgewidth=0.8, linestyle="none", zorder=3.4,
    )  # fmt: skip


def control_handles(controls: pd.DataFrame) -> list[Line2D]:
    """Return the legend's entries for the kinds of control that are there, long names broken."""
    return [
        Line2D(
            [], [], color=INK, marker=style.marker, markerfacecolor=style.face, linestyle="none",
            label=textwrap.fill(style.name, 16),
        )
        for style in _kinds(controls)
    ]  # fmt: skip


def control_note(summary: pd.DataFrame, *, measured: str) -> list[str]:
    """Return the footer's note on the controls, none where the run has none; `measured` is what their marks show."""
    kinds = [f"{style.sign} {style.name}" for style in _kinds(control_points(summary))]
    return [f"controls ({measured}): {', '.join(kinds)}"] if kinds else []


def _kinds(controls: pd.DataFrame) -> list[ControlStyle]:
    return [style for role, style in CONTROL_STYLES.items() if (controls["role"] == role).any()]
