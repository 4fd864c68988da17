"""The look that the interactive charts share."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

Spec = dict[str, Any]
"""A Vega-Lite specification."""

WIDTH: Final = 190
HEIGHT: Final = 170

POINTS: Final = "format(100 * datum.value, '+.0f')"
"""Labels of an axis of differences of shares: points, not percent."""


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
        legend={"labelColor": ink, "titleColor": ink, "labelLimit": 260},
        header={"labelColor": ink, "titleColor": ink},
        view={"stroke": "transparent"},
    )
    return dict(chart.to_dict())
