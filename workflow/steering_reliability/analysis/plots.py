"""Draw every figure of a run from its summary."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from steering_reliability.analysis.figures.dose_response import draw_dose_response
from steering_reliability.analysis.figures.gap import draw_gap
from steering_reliability.analysis.figures.heatmap import draw_heatmap
from steering_reliability.analysis.figures.style import figure_style, save_figure
from steering_reliability.analysis.figures.tradeoff import draw_tradeoff

FIGURES: Final[dict[str, Callable[..., Figure]]] = {
    "dose_response": draw_dose_response,
    "tradeoff": draw_tradeoff,
    "gap_vs_alpha": draw_gap,
    "heatmap_refusal_harm_test": partial(
        draw_heatmap,
        rate="refusal_harm_test",
        heading="Refusal on harm_test, by layer and strength",
        reading="Higher is more refusal out of distribution.",
    ),
    "heatmap_helpful_benign": partial(
        draw_heatmap,
        rate="helpful_benign",
        heading="Helpful answers to benign prompts, by layer and strength",
        reading="Higher is less harm done to ordinary use.",
    ),
}
"""File name without suffix to the function that draws it, in the order of the report."""


def draw_all(summary: pd.DataFrame, *, output_dir: Path, title: str) -> list[Path]:
    """Draw every figure as PNG and SVG.

    Args:
        summary: From `summarise`, or summary.csv read back.
        output_dir: Folder of the figures, made if need be.
        title: Name of the run or model, for the footers.

    Returns:
        The files written, two per figure; none if the study has no operating point.
    """
    if not (summary["role"] == "main").any():
        return []
    written = []
    for name, draw in FIGURES.items():
        with figure_style():
            written += save_figure(draw(summary, title=title), output_dir=output_dir, name=name)
    return written
