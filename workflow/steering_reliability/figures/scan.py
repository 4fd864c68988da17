"""The scan: how far each layer moves refusal at equal disturbance, and the strengths that it takes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from steering_reliability.figures.panels import plain_grid
from steering_reliability.figures.style import INK, MUTED, SMALL, TEXT, finish, new_figure, series_styles
from steering_reliability.scan.chosen import Chosen
from steering_reliability.scan.readings import BEYOND, LayerReading, middle_target, read_layers
from steering_reliability.scan.table import MAIN, ScanRow

_BAND = "#BBBBBB"


def draw_scan(rows: Sequence[ScanRow], *, chosen: Chosen, target_kl: Sequence[float], title: str) -> Figure:
    """Draw the change of refusal propensity by layer at the middle KL, and below it the strength for each KL."""
    intervention = rows[0].intervention
    readings = read_layers(rows, intervention=intervention, target_kl=target_kl)
    figure = new_figure(width=8.2, height=6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1.15, 1))
    _draw_changes(upper, readings, taken=chosen.layers or (), kl=middle_target(target_kl))
    _draw_strengths(lower, readings, rows, target_kl=target_kl, chosen=(chosen.alphas or {}).get(intervention, ()))
    for axes in (upper, lower):
        plain_grid(axes)
        for layer in chosen.layers or ():
            axes.axvline(layer, color=MUTED, linewidth=0.8, linestyle=":", zorder=1)
    lower.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))
    lower.set_xlabel("layer")
    finish(
        figure,
        title="Where does steering move refusal, before anything is generated?",
        subtitle=f"{intervention}; ring and dotted line: chosen layers" if chosen.layers else intervention,
        footer=[
            "a random direction of the same length rises above the band at any layer in one scan of twenty",
            title,
            _sizes(rows),
        ],
    )
    return figure


def _draw_changes(axes: Axes, readings: Sequence[LayerReading], *, taken: Sequence[int], kl: float) -> None:
    layers = np.array([reading.layer for reading in readings])
    low, high, change = (np.array([getattr(one, name) for one in readings]) for name in ("low", "high", "change"))
    # Where the KL is out of reach for the study's direction there is nothing to compare with the band.
    low, high = (np.where(np.isnan(change), np.nan, edge) for edge in (low, high))
    axes.fill_between(layers, low, high, color=_BAND, alpha=0.55, linewidth=0, zorder=1, label="random directions")
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=1.5)
    (style,) = series_styles(1)
    axes.plot(
        layers, change, color=style.colour, marker=style.marker, markersize=4, linewidth=1.5, zorder=3,
        label="the study's direction",
    )  # fmt: skip
    rings = np.isin(layers, taken)
    axes.plot(
        layers[rings], change[rings], linestyle="none", marker="o", markersize=11, markerfacecolor="none",
        markeredgecolor=INK, markeredgewidth=1.4, zorder=4,
    )  # fmt: skip
    for layer, height in zip(layers[rings], change[rings], strict=True):
        axes.annotate(
            f"{layer}", (layer, height), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=TEXT,
            fontweight="bold", color=INK,
        )  # fmt: skip
    axes.margins(y=0.16)
    axes.set_title(f"Change of refusal propensity on harm_train, at a KL of {kl:g} nats", loc="left", color=INK)
    axes.set_ylabel("nats")
    axes.legend(frameon=False, fontsize=SMALL, loc="best")


def _draw_strengths(
    axes: Axes,
    readings: Sequence[LayerReading],
    rows: Sequence[ScanRow],
    *,
    target_kl: Sequence[float],
    chosen: Sequence[float],
) -> None:
    ladder = sorted({row.alpha for row in rows if row.direction == MAIN})
    lowest, highest = ladder[0] / BEYOND, ladder[-1] * BEYOND
    layers = np.array([reading.layer for reading in readings])
    for rank, (target, style) in enumerate(zip(sorted(target_kl), series_styles(len(target_kl)), strict=True)):
        alphas = np.array([reading.alphas[rank] for reading in readings])
        inside = (alphas >= lowest) & (alphas <= highest)
        axes.plot(
            layers, np.where(inside, alphas, np.nan), color=style.colour, marker=style.marker, linestyle=style.line,
            markersize=4, linewidth=1.4, label=f"{target:g} nats",
        )  # fmt: skip
    for alpha in chosen:
        axes.annotate(
            f"◂ {alpha:g}", xy=(1.0, alpha), xycoords=("axes fraction", "data"), xytext=(3, 0),
            textcoords="offset points", va="center", fontsize=SMALL, fontweight="bold", color=INK,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(lowest * 0.93, highest * 1.07)
    axes.set_yticks(ladder, [f"{alpha:g}" for alpha in ladder])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    heading = "Strength that reaches each first-token KL on benign"
    axes.set_title(f"{heading}; ◂ chosen" if chosen else heading, loc="left", color=INK)
    axes.set_ylabel("alpha (log scale)")
    axes.legend(frameon=False, fontsize=SMALL, loc="best", ncols=len(target_kl))


def _sizes(rows: Sequence[ScanRow]) -> str:
    """How many prompts each mean rests on, for the study's direction and for random ones."""
    words = []
    for kind, name in ((True, "prompts of"), (False, "for random directions")):
        counts = {row.split: row.n for row in rows if (row.direction == MAIN) is kind}
        if counts:
            listed = ", ".join(f"{n} {split}" for split, n in counts.items())
            words.append(f"n = {listed} prompts" if kind else f"{listed} {name}")
    return "; ".join(words)
