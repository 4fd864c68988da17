"""What the figures share: small multiples, the strength axis, points with intervals, labels that keep apart."""

import math
import textwrap
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.style import GRID, INK, SMALL, TINY, LineStyle, new_figure
from steering_reliability.results.schema import SPLITS, in_order
from steering_reliability.text.layers import layer_tag, layer_words

LENGTHS: Final = ("add", "add_keep_norm", "clamp")
"""The interventions whose alpha is a length along the direction."""

SHARES: Final = ("ablate", "ablate_affine")
"""Those whose alpha is the share of the projection that is removed."""

_TITLE_WIDTH: Final = 38
"""Letters that fit over a panel; names of sets are longer."""

_CLOSEST: Final = 0.12
"""Strengths closer together than this share of the axis would print their labels over one another."""


class Panel(NamedTuple):
    """One dose-response curve of the study: its points by alpha, and its name.

    Of a strip, which has one strength at several layers, the points stand by layer: alpha is the layer's rank, 0 is the
    unsteered model, `ticks` names them, and `strength` is their alpha.
    """

    title: str
    points: pd.DataFrame
    ticks: tuple[str, ...] = ()
    strength: float = math.nan


class Edges(NamedTuple):
    """Whether a panel is the last of its row, and the lowest of its column."""

    row: bool
    column: bool


def study_points(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the operating points of the study itself, without the sanity checks."""
    return summary[summary["role"] == "main"]


def study_panels(summary: pd.DataFrame) -> list[Panel]:
    """Return one panel per curve of the study, by direction, intervention and layer."""
    study = study_points(summary)
    keys = ["direction", "intervention", "layer", "seed"]
    curves = in_order(study, keys).groupby(keys, sort=False)
    return [
        Panel(curve_name(f"{kind} at {layer_words(str(layer))}", study, direction, seed), points.sort_values("alpha"))
        for (direction, kind, layer, seed), points in sorted(curves, key=lambda curve: curve_order(str(curve[0][1])))
    ]


def strips(panels: Sequence[Panel]) -> list[Panel]:
    """Put the panels of an intervention that has one strength at several layers into one."""
    found: list[Panel] = []
    by_kind = {kind: [panel for panel in panels if _kind(panel) == kind] for kind in dict.fromkeys(map(_kind, panels))}
    for kind, own in by_kind.items():
        strengths = {alpha for panel in own for alpha in panel.points["alpha"] if alpha != 0}
        is_strip = len(own) > 1 and len(strengths) == 1 and len({_curve(panel) for panel in own}) == 1
        found += [_strip(kind, own, strengths.pop())] if is_strip else own
    return found


def _kind(panel: Panel) -> str:
    return str(panel.points["intervention"].iloc[0])


def _curve(panel: Panel) -> tuple[Any, ...]:
    return tuple(panel.points[["direction", "seed"]].iloc[0])


def _strip(kind: str, panels: Sequence[Panel], alpha: float) -> Panel:
    steered = pd.concat([panel.points[panel.points["alpha"] != 0] for panel in panels])
    unsteered = panels[0].points[panels[0].points["alpha"] == 0]
    points = pd.concat([unsteered, steered], ignore_index=True)
    names = [*(["none"] if len(unsteered) else []), *(layer_tag(str(layer)) for layer in steered["layer"])]
    points = points.assign(alpha=[float(rank) for rank in range(len(points))])
    return Panel(f"{kind}, alpha {alpha:g}, by layer", points, tuple(names), alpha)


def curve_name(name: str, table: pd.DataFrame, direction: Any, seed: Any) -> str:
    """Return the name of a curve, with its direction and seed where the table has several."""
    names = {"direction": str(direction), "seed": f"seed {seed}"}
    return ", ".join([name, *(word for key, word in names.items() if table[key].nunique() > 1)])


def strength_title(intervention: str, *, width: int) -> str:
    """Return the title of an axis of strengths, in lines of at most `width` letters."""
    alpha = "alpha (share removed)" if intervention in SHARES else "alpha"
    return textwrap.fill(f"{alpha}, and below it the share of the residual norm", width)


def curve_order(intervention: str) -> int:
    """Return the place of an intervention: those that set a length come first, then those that remove a share."""
    return (*LENGTHS, *SHARES).index(intervention)


def panel_grid(
    summary: pd.DataFrame,
    *,
    height: float,
    ylabel: str,
    draw: Callable[[Axes, Panel, Edges], None],
    margin: float = 0.0,
    panels: Sequence[Panel] | None = None,
) -> Figure:
    """Return a figure with one panel per curve of the study (or `panels`), at most four in a row, without footer.

    `height` is that of one panel, `margin` extra width for labels beside the last panel of each row (inches).
    """
    panels = study_panels(summary) if panels is None else panels
    layers = len({panel.points["layer"].iloc[0] for panel in panels})
    has_rows = 1 < layers <= 4 and not any(panel.ticks for panel in panels)
    columns = min(layers if has_rows else 4, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(width=max(5.0, 1.0 + margin + 2.9 * columns), height=1.15 + height * rows)
    grid = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for spare in grid[len(panels) :]:
        spare.set_visible(False)
    for number, (axes, panel) in enumerate(zip(grid, panels, strict=False), start=1):
        ends_row = number % columns == 0 or number == len(panels)
        draw(axes, panel, Edges(row=ends_row, column=number + columns > len(panels)))
        axes.set_title(textwrap.fill(panel.title, _TITLE_WIDTH), loc="left", color=INK)
        plain_grid(axes)
        if number % columns == 1 or columns == 1:
            axes.set_ylabel(ylabel)
    return figure


class AlphaAxis(NamedTuple):
    """Where each alpha lies on the axis: to scale where the labels fit, else evenly spaced."""

    alphas: tuple[float, ...]
    positions: tuple[float, ...]

    def at(self, alphas: pd.Series) -> np.ndarray:
        """Return the positions of some alphas of this axis."""
        where = dict(zip(self.alphas, self.positions, strict=True))
        return np.array([where[alpha] for alpha in alphas])

    @property
    def span(self) -> float:
        """Distance from the first to the last position, 1 for a single alpha."""
        return (self.positions[-1] - self.positions[0]) or 1.0


def alpha_axis(alphas: Sequence[float]) -> AlphaAxis:
    """Lay out the strengths of a panel."""
    ordered = tuple(sorted(set(alphas)))
    steps = np.diff(ordered)
    to_scale = len(ordered) < 3 or float(steps.min()) >= _CLOSEST * (ordered[-1] - ordered[0])
    return AlphaAxis(ordered, ordered if to_scale else tuple(float(rank) for rank in range(len(ordered))))


def strength_panels(
    summary: pd.DataFrame,
    *,
    height: float,
    margin: float,
    ylabel: str,
    draw: Callable[[Axes, Panel, AlphaAxis, bool], None],
) -> Figure:
    """Return the panels of `panel_grid`, each a quantity against alpha.

    Sizes are those of `panel_grid`; the last argument of `draw` tells whether the panel is the last of its row.
    """

    def draw_panel(axes: Axes, panel: Panel, edges: Edges) -> None:
        axis = alpha_axis(panel.points["alpha"].tolist())
        draw(axes, panel, axis, edges.row)
        axes.set_xlim(axis.positions[0] - 0.07 * axis.span, axis.positions[-1] + 0.09 * axis.span)
        if panel.ticks:
            axes.set_xticks(axis.positions, panel.ticks, fontsize=SMALL if len(panel.ticks) <= 6 else TINY)
            axes.set_xlabel("layer")
            return
        strengths = panel.points.set_index("alpha")["relative_strength"]
        labels = [f"{alpha:g}\n{percent(strengths.get(alpha, math.nan))}" for alpha in axis.alphas]
        # More than eight two-line labels do not fit below a small panel side by side.
        size = SMALL if len(labels) <= 6 else TINY
        axes.set_xticks(axis.positions, labels, fontsize=size)
        name = strength_title(panel.points["intervention"].iloc[0], width=30) if edges.column else ""
        axes.set_xlabel(name if axis.positions == axis.alphas else f"{name} (not to scale)".strip())

    panels = strips(study_panels(summary))
    return panel_grid(summary, height=height, margin=margin, ylabel=ylabel, draw=draw_panel, panels=panels)


def percent(share: float) -> str:
    """Return a share as a short percentage, "?" where it is missing."""
    if math.isnan(share):
        return "?"
    value = 100 * share
    return "0%" if value == 0 else f"{value:.1f}%" if abs(value) < 10 and abs(value) % 1 > 0.05 else f"{value:.0f}%"


def signed_points(share: float, _: object = None) -> str:
    """Return a difference of shares in signed percentage points, as a tick label."""
    return f"{100 * share:+.0f}" if share else "0"


def symmetric_limit(values: pd.DataFrame, *, largest: float) -> float:
    """Return a limit that holds every value with some room, so that 0 is in the middle; at least 0.3."""
    reach = values.abs().to_numpy(dtype=float)
    known = reach[~np.isnan(reach)]
    return float(np.clip(1.08 * known.max(), 0.3, largest)) if known.size else 1.0


def plain_grid(axes: Axes) -> None:
    """Draw horizontal lines behind the data, to read values off."""
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def interval_bars(points: pd.DataFrame, name: str) -> np.ndarray:
    """Return how far each interval reaches below and above its value, [2, points], as error bars want it."""
    value, low, high = (points[f"{name}{part}"].to_numpy(dtype=float) for part in ("", "_low", "_high"))
    return np.asarray(np.maximum([value - low, high - value], 0.0))


def draw_with_intervals(
    axes: Axes, x: np.ndarray, points: pd.DataFrame, *, name: str, style: LineStyle, filled: bool = True
) -> None:
    """Draw a line through the values of `name` at `x`, and a bar from `name`_low to `name`_high over each."""
    value, bars = points[name].to_numpy(dtype=float), interval_bars(points, name)
    face = style.colour if filled else "white"
    axes.errorbar(x, value, yerr=bars, fmt="none", ecolor=style.colour, elinewidth=0.9, capsize=2, zorder=2)
    axes.plot(
        x, value, color=style.colour, linestyle=style.line, linewidth=1.5, marker=style.marker, markersize=5,
        markerfacecolor=face, markeredgecolor=style.colour, zorder=3,
    )  # fmt: skip


def apart(heights: Sequence[float], *, distance: float) -> list[float]:
    """Move heights, given in ascending order, as little as leaves them `distance` apart."""
    moved = list(heights)
    for _ in range(200):
        before = list(moved)
        for lower, upper in pairwise(range(len(moved))):
            lack = distance - (moved[upper] - moved[lower])
            if lack > 1e-9:
                moved[lower] -= lack / 2
                moved[upper] += lack / 2
        if moved == before:
            break
    return moved


def label_line_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], *, distance: float) -> None:
    """Write the name of each line beside its last point, moved apart where they would overlap.

    Each end is (y of the last point, name, colour); names are at least `distance` apart, in data units.
    """
    known = sorted(end for end in ends if not math.isnan(end[0]))
    heights = apart([end[0] for end in known], distance=distance)
    lowest, _ = axes.get_ylim()
    for rank, (height, (_, name, colour)) in enumerate(zip(heights, known, strict=True)):
        axes.annotate(
            name, xy=(1.0, max(height, lowest + rank * distance)), xycoords=("axes fraction", "data"), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=SMALL, color=colour, fontweight="bold",
            annotation_clip=False,
        )  # fmt: skip


def sample_sizes(summary: pd.DataFrame) -> str:
    """Return how many completions each rate of the study rests on, in words."""
    study = study_points(summary)
    words = []
    for split in SPLITS:
        counts = sorted({int(n) for n in study[f"refusal_{split}_n"]})
        if counts and counts[-1] > 0:
            words.append(f"{counts[0]}–{counts[-1]} {split}" if len(counts) > 1 else f"{counts[0]} {split}")
    return "n = " + ", ".join(words) if words else "no completions"
