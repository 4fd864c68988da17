"""What the interactive charts share: size, colours, tooltips, axes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import altair as alt

from steering_reliability.text.numbers import percent, rounded

Spec = dict[str, Any]
"""A Vega-Lite specification."""

WIDTH: Final = 190
HEIGHT: Final = 170

OPENS: Final = ["direction", "intervention", "layer", "alpha"]
"""Fields of a chart's data by which a click on a mark finds its completions."""

POINTS: Final = "format(100 * datum.value, '+.0f')"
"""Labels of an axis of differences of shares: points, not percent."""

PLAIN_POINTS: Final = "format(100 * datum.value, '.0f')"
"""The same where the sign is in the axis' title: points given up."""


_FONTS: Final = {"labelFontSize": 12, "titleFontSize": 12}
"""Pixels; nothing on the page is smaller."""


def rate_text(row: Mapping[str, Any], name: str) -> str:
    """A rate with its count and, where there is one, its interval, for a tooltip."""
    n = int(row[f"{name}_n"])
    ends = ends_text(row, name, lambda share: str(rounded(100 * share)))
    return f"{percent(row[name])} ({rounded(row[name] * n)}/{n}{ends})"


def ends_text(row: Mapping[str, Any], name: str, write: Callable[[float], str]) -> str:
    """An interval after a comma, for a tooltip; empty where there is none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if math.isnan(low) else f", {write(low)} to {write(high)}"


def strength_text(relative_strength: float) -> str:
    """A relative strength in words."""
    return "?" if math.isnan(relative_strength) else f"{100 * relative_strength:.1f}% of the residual norm"


def zero_line() -> Any:
    """A line at 0, behind the marks."""
    return alt.Chart().mark_rule(color="#888888", strokeWidth=1, aria=False).encode(y=alt.datum(0))


def panel_header(name: str, order: Sequence[str] | None = None) -> alt.Facet:
    """The name above a panel, in the given order."""
    sort = alt.Undefined if order is None else list(order)
    return alt.Facet(f"{name}:N", title=None, sort=sort, header=alt.Header(labelFontSize=13, labelFontWeight="bold"))


def finished(chart: Any, description: str = "") -> Spec:
    """Return the specification of a chart, with colours of text and axes that come from the page, light or dark."""
    ink = "currentColor"
    colours = {"labelColor": ink, "titleColor": ink}
    axis = colours | {"domainColor": ink, "tickColor": ink, "titleFontWeight": "normal"}
    chart = chart.properties(description=description).configure(
        background="transparent",
        font="system-ui, sans-serif",
        axis={**axis, **_FONTS, "gridColor": ink, "gridOpacity": 0.13},
        legend=colours | _FONTS | {"labelLimit": 260, "symbolBaseFillColor": ink, "symbolBaseStrokeColor": ink},
        header=colours | _FONTS,
        view={"stroke": "transparent"},
    )
    return dict(chart.to_dict())
