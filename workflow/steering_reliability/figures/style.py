"""One look for every figure: colours for colour-blind eyes and grey print, and files that repeat to the byte."""

import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from steering_reliability.files import atomic_write

INK: Final = "#222222"
_GAMMA: Final = 2.2
MUTED: Final = "#666666"
GRID: Final = "#e3e3e3"

_SETTINGS: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "steering-reliability",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class LineStyle:
    """How one series is told from the others: by colour, by marker and by line."""

    colour: str
    marker: str
    line: str


# Okabe and Ito's palette, what is too light or too dark moved to where white and a dark page both leave a contrast of 3
# (WCAG 1.4.11); markers and lines tell apart what is alike in grey.
_PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#C0649B", "#A87400", "#3D8EC4", "#7A7A7A")
_FIRST: Final = "#0072B2"
_LAST: Final = "#D55E00"
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_LINES: Final = ("-", "--", "-.", ":")

SPLIT_STYLES: Final = {
    "harm_train": LineStyle(_PALETTE[0], "o", "-"),
    "harm_test": LineStyle(_PALETTE[1], "s", "--"),
    "benign": LineStyle(_PALETTE[2], "^", "-."),
}


def series_styles(n: int) -> list[LineStyle]:
    """Return `n` styles; beyond the palette the colours run from blue to orange, as ordered layers may."""
    colours = _PALETTE if n <= len(_PALETTE) else _ramp(n)
    return [LineStyle(colours[rank], _MARKERS[rank % len(_MARKERS)], _LINES[rank % len(_LINES)]) for rank in range(n)]


def _ramp(n: int) -> list[str]:
    """Mix light of two colours, so that every mixture lies between them in luminance too."""
    first, last = (np.array(to_rgb(end)) ** _GAMMA for end in (_FIRST, _LAST))
    # Rounding can leave a channel just below 0.
    light = [np.maximum(first + (last - first) * rank / (n - 1), 0.0) for rank in range(n)]
    mixed = [one ** (1 / _GAMMA) for one in light]
    return [to_hex((red, green, blue)) for red, green, blue in mixed]


def new_figure(*, width: float, height: float) -> Figure:
    """Return an empty figure (inches) that no global state knows of."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.04)  # type: ignore[call-arg]
    return figure


def finish(figure: Figure, *, title: str, subtitle: str, footer: Sequence[str]) -> None:
    """Put the title over the figure and the footer under it, both wrapped to its width."""
    columns = int(figure.get_figwidth() * 12.6)
    heading = "\n".join(textwrap.wrap(title, int(columns * 0.78)))
    # Mathtext would read a dollar sign in a model's name as the start of a formula.
    figure.suptitle(heading, x=0.008, ha="left", fontsize=12.5, fontweight="bold", color=INK, parse_math=False)
    notes = _flow([subtitle, *footer], columns=int(columns * 1.28))
    figure.supxlabel(notes, x=0.008, ha="left", fontsize=7.8, color=MUTED, parse_math=False)


def _flow(notes: Sequence[str], *, columns: int) -> str:
    """Set short notes one after another, none broken over two lines unless it is longer than a line."""
    lines: list[str] = []
    for note in notes:
        if lines and len(lines[-1]) + len(note) + 5 <= columns:
            lines[-1] += f"  ·  {note}"
        else:
            lines += textwrap.wrap(note, columns)
    return "\n".join(lines)


def save_figure(figure: Figure, *, output_dir: Path, name: str) -> list[Path]:
    """Write a figure as {name}.png (200 dpi) and {name}.svg; the same figure gives the same bytes."""
    written = []
    for suffix in ("png", "svg"):
        path = output_dir / f"{name}.{suffix}"
        metadata = {"Date": None, "Creator": None} if suffix == "svg" else {"Software": None}
        with atomic_write(path) as scratch:
            figure.savefig(scratch, format=suffix, dpi=200, metadata=metadata)
        written.append(path)
    return written


def figure_style() -> AbstractContextManager[None]:
    """Return the context in which every figure is drawn and written, whatever the user's own settings are."""
    settings: Any = {**mpl.rcParamsDefault, **_SETTINGS, "backend": "agg"}
    return mpl.rc_context(settings)
