"""How far each prompt is moved by steering, and which prompts move the wrong way."""

import textwrap
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from steering_reliability.figures.controls import random_band
from steering_reliability.figures.panels import curve_name, plain_grid
from steering_reliability.figures.style import INK, MUTED, TINY, finish, new_figure
from steering_reliability.results.schema import SPLITS
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import rounded

_RIGHT_WAY, _WRONG_WAY = "#56B4E9", "#D55E00"
_TITLE_WIDTH: Final = 34
"""Letters that fit over a panel; names of sets are longer."""

_CURVE: Final = ["direction", "layer", "seed"]


def draw_steerability(prompts: pd.DataFrame, *, steerability: pd.DataFrame, title: str) -> Figure:
    """Draw every prompt's slope in ascending order, one row per layer and one column per split.

    The tables are from `prompt_steerability` and `steerability_table` of the same results, and may be empty.
    """
    prompts, table = (part[part["role"] == "main"] for part in (prompts, steerability))
    random = steerability[steerability["role"] == "random"]
    # An empty table still gives a figure that says so.
    curves: list[tuple[Any, ...]] = [*table[_CURVE].drop_duplicates().itertuples(index=False, name=None)] or [()]
    figure = new_figure(width=8.6, height=1.6 + 1.95 * len(curves))
    grid = figure.subplots(len(curves), len(SPLITS), squeeze=False, sharey="row", sharex=True)
    for row, curve in zip(grid, curves, strict=True):
        for axes, split in zip(row, SPLITS, strict=True):
            slopes = _of(prompts, curve, split)["slope"].dropna().to_numpy(dtype=float)
            _draw_panel(axes, np.sort(slopes), _of(table, curve, split))
            _draw_random(axes, _of(random, (None, *curve[1:]), split))
            name = textwrap.fill(", ".join([split, *_names(table, *curve)]), _TITLE_WIDTH)
            axes.set_title(name, loc="left", color=INK)
        _make_room(row)
        row[0].set_ylabel("slope\n(nats per unit of alpha)")
    for axes in grid[-1]:
        axes.set_xlabel("share of prompts, by slope")
    finish(
        figure,
        title="Steerability: how far steering moves each prompt's refusal propensity",
        subtitle="One bar per prompt, sorted; orange, below 0: the prompt moves the wrong way",
        footer=[
            "point and bar on the zero line: share that moves the wrong way, 95% Wilson interval",
            "dashed line and band: mean slope, 95% t interval over prompts",
            *(["dark band: holds those of the random directions of the same length"] if len(random) else []),
            title,
        ],
    )
    return figure


def _of(table: pd.DataFrame, curve: tuple[Any, ...], split: str) -> pd.DataFrame:
    """Return the rows of one curve and split; None in place of a key takes all of its values."""
    chosen = table[table["split"] == split]
    for key, value in zip(_CURVE, curve, strict=False):
        chosen = chosen if value is None else chosen[chosen[key] == value]
    return chosen


def _names(table: pd.DataFrame, direction: str = "", layer: str | None = None, seed: int = 0) -> list[str]:
    return [] if layer is None else [curve_name(layer_words(layer), table, direction, seed)]


def _draw_panel(axes: Axes, slopes: np.ndarray, summary: pd.DataFrame) -> None:
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}%")
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=2)
    plain_grid(axes)
    if len(slopes) == 0 or summary.empty:
        axes.text(0.5, 0.6, "no slopes", transform=axes.transAxes, ha="center", color=MUTED)
        return
    edges = np.linspace(0, 1, len(slopes) + 1)
    axes.stairs(np.maximum(slopes, 0), edges, fill=True, color=_RIGHT_WAY, linewidth=0, zorder=1.5)
    axes.stairs(np.minimum(slopes, 0), edges, fill=True, color=_WRONG_WAY, linewidth=0, zorder=1.5)
    _draw_summary(axes, summary.iloc[0])


def _draw_summary(axes: Axes, numbers: pd.Series) -> None:
    share, low, high = (numbers[f"share_wrong_way{part}"] for part in ("", "_low", "_high"))
    bars = np.clip([[share - low], [high - share]], 0, None)
    axes.errorbar(
        share, 0, xerr=bars, fmt="o", color=INK, markersize=4, elinewidth=1.6, capsize=3, zorder=4, clip_on=False
    )
    mean, lowest, highest = (numbers[f"slope{part}"] for part in ("", "_low", "_high"))
    axes.axhspan(lowest, highest, color=INK, alpha=0.14, linewidth=0, zorder=2.5)
    axes.axhline(mean, color=INK, linestyle="--", linewidth=1.1, zorder=3)
    wrong = f"wrong way {rounded(100 * share)}% ({rounded(100 * low)}–{rounded(100 * high)}%), n = {numbers['n']:.0f}"
    interval = f" ({lowest:+.2g} to {highest:+.2g})" if lowest == lowest else ""  # noqa: PLR0124 (NaN)
    axes.text(
        0.02, 0.975, f"{wrong}\nmean {mean:+.2g}{interval}", transform=axes.transAxes, va="top", fontsize=TINY,
        color=INK, zorder=5,
    )  # fmt: skip


def _draw_random(axes: Axes, controls: pd.DataFrame) -> None:
    band = random_band(controls, "slope")
    if band:
        axes.axhspan(*band, color=INK, alpha=0.45, linewidth=0, zorder=2.6)


def _make_room(row: Sequence[Axes]) -> None:
    """Leave the upper part of a row of panels free for their numbers."""
    low, high = row[0].get_ylim()
    row[0].set_ylim(low, max(high, 0) + 0.42 * (max(high, 0) - low))
