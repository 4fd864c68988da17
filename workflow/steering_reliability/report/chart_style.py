"""The look that the interactive charts share."""

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
"""What a row of a chart's data holds where a click on its mark opens completions."""

POINTS: Final = "format(100 * datum.value, '+.0f')"
"""Labels of an axis of differences of shares: points, not percent."""

PLAIN_POINTS: Final = "format(100 * datum.value, '.0f')"
"""The same where the sign is in the axis' title: points given up."""


def rate_text(row: Mapping[str, Any], name: str) -> str:
    """A rate as a tooltip has it, with count and interval where there is one."""
    n = int(row[f"{name}_n"])
    return f"{percent(row[name])} ({rounded(row[name] * n)}/{n}{ends_text(row, name, _whole_percent)})"


def ends_text(row: Mapping[str, Any], name: str, write: Callable[[float], str]) -> str:
    """The interval as a tooltip has it, after a comma; empty where there is none."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if math.isnan(low) else f", {write(low)} to {write(high)}"


def strength_text(relative_strength: float) -> str:
    """How strong a push is, in words."""
    return "?" if math.isnan(relative_strength) else f"{100 * relative_strength:.1f}% of the residual norm"


def _whole_percent(share: float) -> str:
    return str(rounded(100 * share))


def zero_line() -> Any:
    """A line at 0, behind the marks."""
    return alt.Chart().mark_rule(color="#888888", strokeWidth=1, aria=False).encode(y=alt.datum(0))


def panel_header(name: str, order: Sequence[str] | None = None) -> alt.Facet:
    """The name above a panel, in the given order."""
    sort = alt.Undefined if order is None else list(order)
    return alt.Facet(f"{name}:N", title=None, sort=sort, header=alt.Header(labelFontSize=12, labelFontWeight="bold"))


def finished(chart: Any, description: str = "") -> Spec:
    """Return the specification of a chart, with colours of text and axes that come from the page, light or dark."""
    ink = "currentColor"
    axis = {"labelColor": ink, "titleColor": ink, "domainColor": ink, "tickColor": ink, "titleFontWeight": "normal"}
    chart = chart.properties(description=description).configure(
        background="transparent",
        font="system-ui, sans-serif",
        axis={**axis, "gridColor": ink, "gridOpacity": 0.13},
        legend={
            "labelColor": ink,
            "titleColor": ink,
            "labelLimit": 260,
            "symbolBaseFillColor": ink,
            "symbolBaseStrokeColor": ink,
        },
        header={"labelColor": ink, "titleColor": ink},
        view={"stroke": "transparent"},
    )
    return dict(chart.to_dict())
