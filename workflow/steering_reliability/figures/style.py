"""One look for every figure: colours for colour-blind eyes and grey print, and files that repeat to the byte."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
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

TEXT, SMALL, TINY = 7.0, 6.2, 5.4
"""Sizes of letters (points); journals ask for at least 5."""

WIDTHS: Final = (8.9, 18.3)
"""Widths of one and of two columns of a journal (centimetres)."""

_CM: Final = 2.54
_ONE_COLUMN: Final = 5.0
_SCALE: Final = 0.7
"""Inches on paper per inch of the layout."""

_SETTINGS: Final[dict[str, Any]] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlepad": 4.0,
    "axes.labelpad": 2.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.handlelength": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "steering-reliability",
    # Letters stay letters: they can be searched, edited and read aloud.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class LineStyle:
    """How one series is told from the others: by colour, by marker and by line."""

    colour: str
    marker: str
    line: str

    def of(self, ticks: Sequence[str]) -> "LineStyle":
        """Return the style in a panel: without a line in a strip, whose `ticks` are layers."""
        return replace(self, line="none") if ticks else self


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
    """Return an empty figure that no global state knows of, as wide as one or two columns of a journal.

    `width` and `height` (inches) are those of the layout; up to `_ONE_COLUMN` it takes one column.
    """
    one, two = (centimetres / _CM for centimetres in _widths.get())
    figure = Figure(figsize=(one if width <= _ONE_COLUMN else two, _SCALE * height), layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(w_pad=0.03, h_pad=0.04, wspace=0.02, hspace=0.03)  # type: ignore[call-arg]
    return figure


def finish(figure: Figure, *, title: str, subtitle: str, footer: Sequence[str]) -> None:
    """Put the notes under the figure, wrapped to its width; the title goes into the file's description alone.

    On a page the heading says what the figure shows, in a paper the caption does.
    """
    figure.set_label(title)
    notes = _flow([subtitle, *footer], columns=int(figure.get_figwidth() * 23))
    # Mathtext would read a dollar sign in a model's name as the start of a formula.
    figure.supxlabel(notes, x=0.008, ha="left", fontsize=TINY, color=MUTED, parse_math=False)


def _flow(notes: Sequence[str], *, columns: int) -> str:
    """Set short notes one after another, none broken over two lines unless it is longer than a line."""
    lines: list[str] = []
    for note in notes:
        if lines and len(lines[-1]) + len(note) + 5 <= columns:
            lines[-1] += f"  ·  {note}"
        else:
            lines += textwrap.wrap(note, columns)
    return "\n".join(lines)


FORMATS: Final = ("png", "svg", "pdf")
"""The files of a figure."""


def save_figure(figure: Figure, *, output_dir: Path, name: str) -> list[Path]:
    """Write a figure as {name}.png (300 dpi), {name}.svg and {name}.pdf; the same figure gives the same bytes."""
    written = []
    undated: dict[str, dict[str, str | None]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }
    for suffix in FORMATS:
        path = output_dir / f"{name}.{suffix}"
        metadata = undated[suffix] | {"Title": str(figure.get_label())}
        with atomic_write(path) as scratch:
            figure.savefig(scratch, format=suffix, dpi=300, metadata=metadata)
        written.append(path)
    return written


_widths: ContextVar[tuple[float, float]] = ContextVar("widths", default=WIDTHS)


@contextmanager
def figure_style(widths: Sequence[float] = WIDTHS) -> Iterator[None]:
    """Draw and write every figure alike, whatever the user's own settings are.

    `widths` are those of one and of two columns (centimetres).
    """
    one, two = widths
    token = _widths.set((one, two))
    try:
        settings: Any = {**mpl.rcParamsDefault, **_SETTINGS, "backend": "agg"}
        with mpl.rc_context(settings):
            yield
    finally:
        _widths.reset(token)
