"""Draw every figure of a run from its summary and its evidence."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pandas as pd
from matplotlib.figure import Figure

from steering_reliability.figures.controls import control_points
from steering_reliability.figures.dose_response import draw_dose_response
from steering_reliability.figures.effect_gap_forest import draw_effect_gap_forest
from steering_reliability.figures.equal_kl import draw_equal_kl
from steering_reliability.figures.gap import draw_gap
from steering_reliability.figures.heatmap import draw_heatmap
from steering_reliability.figures.methods import draw_methods
from steering_reliability.figures.steerability import draw_steerability
from steering_reliability.figures.style import WIDTHS, figure_style, save_figure
from steering_reliability.figures.tradeoff import draw_tradeoff

FIGURES: Final[dict[str, Callable[..., Figure]]] = {
    "dose_response": draw_dose_response,
    "tradeoff": draw_tradeoff,
    "gap_vs_alpha": draw_gap,
    "equal_kl_curve": draw_equal_kl,
    "heatmap_refusal_harm_test": partial(
        draw_heatmap,
        rate="refusal_harm_test",
        heading="Refusal on harm_test, by layer and strength",
        reading="Higher is more refusal.",
    ),
    "heatmap_helpful_benign": partial(
        draw_heatmap,
        rate="helpful_benign",
        heading="Helpful answers to benign prompts, by layer and strength",
        reading="Higher is less harm done to ordinary use.",
    ),
}
"""File name without suffix to the function that draws it from the summary, in the order of the report."""

EVIDENCE_FIGURES: Final = ("effect_gap_forest", "steerability", "methods")
"""The figures that need tables of evidence, which a run has only once they are weighed."""

EVIDENCE_TABLES: Final = ("gap_tests", "prompt_steerability", "steerability", "methods")
"""The tables of evidence that they are drawn from."""


def draw_all(
    summary: pd.DataFrame,
    *,
    output_dir: Path,
    title: str,
    evidence: Mapping[str, pd.DataFrame] | None = None,
    widths: Sequence[float] = WIDTHS,
) -> list[Path]:
    """Draw every figure as PNG, SVG and PDF, as wide as one or two columns of a journal (`widths`, centimetres).

    The summary may be read back from summary.csv; without the `EVIDENCE_TABLES` by name (`evidence`) the
    `EVIDENCE_FIGURES` are left out.

    Returns the files written, three per figure; none if the study has no operating point.
    """
    if not (summary["role"] == "main").any():
        return []
    drawings = {name: partial(draw, summary) for name, draw in FIGURES.items()}
    if evidence is not None:
        gaps, prompts, steerability, methods = (evidence[name] for name in EVIDENCE_TABLES)
        drawings |= {
            "effect_gap_forest": partial(draw_effect_gap_forest, gaps, controls=control_points(summary)),
            "steerability": partial(draw_steerability, prompts, steerability=steerability),
            "methods": partial(draw_methods, methods),
        }
    written = []
    with figure_style(widths):
        for name, draw in drawings.items():
            written += save_figure(draw(title=title), output_dir=output_dir, name=name)
    return written
