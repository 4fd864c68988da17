"""Change of refusal, and its cost, by method at the same disturbance of the next token."""

from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from steering_reliability.evidence.methods import CHANGES
from steering_reliability.figures.equal_kl import kl_scale
from steering_reliability.figures.panels import curve_order, draw_with_intervals, plain_grid, signed_points
from steering_reliability.figures.style import INK, MUTED, SMALL, TEXT, LineStyle, finish, new_figure, series_styles
from steering_reliability.results.schema import in_order
from steering_reliability.text.layers import layer_words

_TITLES: Final = dict(
    zip(CHANGES, ("refusal, harm_train", "refusal, harm_test", "helpfulness lost, benign"), strict=True)
)
_TESTED: Final = "clean_refusal_effect_harm_test"
_PLACE: Final = ["intervention", "layer", "seed", "sign"]


def draw_methods(methods: pd.DataFrame, *, title: str) -> Figure:
    """Draw each method's changes at equal KL, a row per place and sign of alpha and a column per change.

    The table is from `methods_table`; of an empty one the figure says that there is one method.
    """
    if methods.empty:
        return _nothing_to_compare(title)
    order = [*methods.sort_values("role", kind="stable")["direction"].unique()]
    styles = dict(zip(order, series_styles(len(order)), strict=True))
    places = [*in_order(methods, _PLACE).groupby(_PLACE, sort=False)]
    places.sort(key=lambda place: curve_order(str(place[0][0])))
    figure = new_figure(width=9.6, height=1.9 + 2.15 * len(places))
    grid = figure.subplots(len(places), len(CHANGES), squeeze=False, sharey="row", sharex="row")
    for row, ((intervention, layer, _, sign), points) in zip(grid, places, strict=True):
        # The place stands once, over its row.
        where = f"{intervention} at {layer_words(str(layer))}" + (", alpha below 0" if float(sign) < 0 else "")
        for axes, (name, words) in zip(row, _TITLES.items(), strict=True):
            _draw_panel(axes, points, name=name, styles=styles)
            axes.set_title(f"{where if axes is row[0] else ''}\n{words}", loc="left", color=INK, fontsize=TEXT)
        row[0].set_ylabel("change (points)")
    for axes in grid[-1]:
        axes.set_xlabel("mean first-token KL (nats)")
    marks = [
        Line2D([], [], color=style.colour, marker=style.marker, linestyle=style.line, label=name)
        for name, style in styles.items()
    ]
    marks.append(Line2D([], [], color=INK, marker="o", markersize=11, markerfacecolor="none", linestyle="none",
                        label=f"differs from\n{order[0]}"))  # fmt: skip
    grid[0][-1].legend(handles=marks, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=SMALL)
    finish(
        figure,
        title="At the same disturbance of the next token, which method moves refusal further?",
        subtitle="Compare the methods at one KL; between its strengths a method is read by interpolation",
        footer=[
            "circled: the difference on harm_test is shown after correction for the number of comparisons",
            title,
            f"n = {_sizes(methods)}",
            "bars: 95% intervals by template",
        ],
    )
    return figure


def _draw_panel(axes: Axes, points: pd.DataFrame, *, name: str, styles: dict[str, LineStyle]) -> None:
    kl_scale(axes, float(points["kl"].max()))
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    axes.yaxis.set_major_formatter(signed_points)
    for method, style in styles.items():
        curve = points[points["direction"] == method].dropna(subset=[name]).sort_values("kl")
        # The unsteered model disturbs and changes nothing.
        origin = pd.DataFrame([dict.fromkeys(["kl", name, f"{name}_low", f"{name}_high"], 0.0)])
        drawn = pd.concat([origin, curve[list(origin)].astype(float)], ignore_index=True)
        draw_with_intervals(axes, drawn["kl"].to_numpy(dtype=float), drawn, name=name, style=style)
        shown = curve[curve["verdict"].isin(["higher", "lower"])]
        if name == _TESTED and len(shown):
            axes.plot(
                shown["kl"], shown[name], marker="o", markersize=11, markerfacecolor="none", markeredgecolor=INK,
                linestyle="none", zorder=4,
            )  # fmt: skip
    plain_grid(axes)


def _nothing_to_compare(title: str) -> Figure:
    figure = new_figure(width=6.6, height=2.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.0, 0.5, "This run has one method: there is nothing to compare.", color=MUTED, va="center")
    finish(figure, title="Methods at the same disturbance of the next token", subtitle=title, footer=[])
    return figure


def _sizes(methods: pd.DataFrame) -> str:
    words = []
    for name, (split, _, _) in CHANGES.items():
        counts = sorted({int(n) for n in methods[f"{name}_n"] if np.isfinite(n) and n > 0})
        if counts:
            words.append(f"{counts[0]}–{counts[-1]} {split}" if len(counts) > 1 else f"{counts[0]} {split}")
    return ", ".join(words) or "0"
