"""One page that holds a whole run: the answer, the warnings, figures, tables, examples and provenance."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from steering_reliability.analysis.atomic import write_text
from steering_reliability.analysis.displayed_text import visible
from steering_reliability.analysis.examples import (
    HARMFUL_SPLITS,
    POINT_NOTE,
    SELECTION_NOTE,
    matched,
    outcome,
    select_examples,
)
from steering_reliability.analysis.figures.panels import curve_order
from steering_reliability.analysis.findings import headline, warnings
from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.schema import POINT_KEYS, SPLITS, as_records

_TEMPLATES: Final = Path(__file__).parent / "templates"

FIGURE_CAPTIONS: Final = {
    "effect_gap_forest": "Effect on harm_train minus effect on harm_test at every point, with 95% intervals. Filled: "
    "prompts that did not build the direction; coloured: p at most 0.05 after correction over the grid.",
    "equal_kl_curve": "Change of harm_test refusal against the disturbance of the first token (KL). A direction that "
    "means refusal lies above the black controls at the same KL.",
    "steerability": "How far each prompt's refusal propensity moves per unit of alpha, sorted; orange bars below 0 are "
    "prompts that move the wrong way.",
    "dose_response": "Share of completions that refuse, by strength. Steering works where the harm curves rise before "
    "the benign one does; where the dotted curve (degenerate text) rises, the model breaks.",
    "tradeoff": "Refusal on harm_test against the benign helpfulness it costs. Up and left is better; the line is the "
    "Pareto frontier.",
    "gap_vs_alpha": "harm_train refusal minus harm_test refusal. The gap of effects subtracts what the unsteered model "
    "does; an interval that excludes 0 is a failure (above) or a surplus (below) of generalization.",
    "heatmap_refusal_harm_test": "Refusal on harm_test by layer and strength.",
    "heatmap_helpful_benign": "Helpful answers to benign prompts by layer and strength.",
}

CAVEATS: Final = (
    "Refusal and helpfulness are judged by rules on the text, not by a reader; such rules overstate refusal.",
    "The recommended point is chosen on the same prompts that report it: selection.csv says by how much that flatters.",
    "Some harm_train prompts built the direction; the headline gap rests on the others.",
    "Each interval stands for itself: among many points some exclude 0 by chance. The p of a claim is corrected.",
)


def write_report(
    results: pd.DataFrame,
    *,
    summary: pd.DataFrame,
    sanity: pd.DataFrame,
    claims: pd.DataFrame,
    figures_dir: Path,
    output: Path,
    title: str,
    provenance: Mapping[str, Any] | None = None,
    per_split: int = 5,
) -> None:
    """Write index.html, one file that asks nothing of the network.

    Args:
        results: Rows of results.parquet with all columns.
        summary: From `summarise`.
        sanity: From `sanity_checks`, possibly empty.
        claims: From `claims_table`.
        figures_dir: Folder of the SVG figures; those that are missing are left out.
        output: The page; written whole or not at all.
        title: Name of the run or model.
        provenance: What made the run, nested as in provenance.json.
        per_split: Examples of each split.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"visible": visible, "outcome": outcome, "matched": matched}
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    best = recommended_point(summary)
    page = environment.get_template("report.html.j2").render(
        title=title,
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        findings=headline(summary, sanity=sanity),
        warnings=warnings(summary, n_samples=_n_samples(results)),
        caveats=CAVEATS,
        figures=list(_figures(figures_dir)),
        operating_points=_rows(summary[summary["role"] == "main"], best),
        checks=as_records(sanity),
        claims=as_records(claims),
        examples=select_examples(results, summary=summary, per_split=per_split),
        harmful=HARMFUL_SPLITS,
        notes=(POINT_NOTE, SELECTION_NOTE) if best is not None else (SELECTION_NOTE,),
        splits=SPLITS,
        provenance=list(_flat(provenance or {})),
    )
    write_text(output, page)


def _n_samples(results: pd.DataFrame) -> int:
    return 1 if results.empty else int(results["sample"].max()) + 1


def _figures(folder: Path) -> Iterator[dict[str, str]]:
    for name, caption in FIGURE_CAPTIONS.items():
        path = folder / f"{name}.svg"
        if path.exists():
            # As an image and not inline: ids in two SVGs could meet, and an image runs no script.
            data = base64.b64encode(path.read_bytes()).decode()
            yield {"name": name, "caption": caption, "source": f"data:image/svg+xml;base64,{data}"}


def _rows(study: pd.DataFrame, best: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the baseline once and then the steered points, adding before ablating."""
    from_baseline = study["from_baseline"].astype(bool)
    baseline = as_records(study[from_baseline].head(1))
    unsteered = [{**row, "intervention": "none", "direction": "unsteered", "layer": "–"} for row in baseline]
    steered = sorted(as_records(study[~from_baseline]), key=lambda row: curve_order(row["intervention"]))
    return [{**row, "is_recommended": _is_same_point(row, best)} for row in (*unsteered, *steered)]


def _is_same_point(row: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    return other is not None and all(row[key] == other[key] for key in POINT_KEYS)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
