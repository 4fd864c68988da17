"""The page of a run: answers, warnings, charts, every completion, tables and provenance in one file."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pandas as pd
import yaml

from steering_reliability.claims.claim import QUESTIONS, place
from steering_reliability.claims.claims import CHECKS, MOST_SIGNIFICANT
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.figures.gap import headline_gap
from steering_reliability.figures.panels import curve_order, sample_sizes, study_points
from steering_reliability.figures.tradeoff import READING
from steering_reliability.files import write_text
from steering_reliability.process.ledger import mixture_note
from steering_reliability.prompts.shift import shift_sentence
from steering_reliability.report.chart_style import Spec
from steering_reliability.report.charts import dose_response_chart, gap_chart, heatmap_chart, steerability_chart
from steering_reliability.report.completions import pack_completions
from steering_reliability.report.design_power import power_sentence
from steering_reliability.report.findings import headline, warnings
from steering_reliability.report.scripts import TEMPLATES, packed, page_environment, page_frame
from steering_reliability.report.tradeoff_chart import tradeoff_chart
from steering_reliability.results.schema import POINT_KEYS, SPLITS, as_records
from steering_reliability.run.times import StageTime

FIGURES: Final = {
    "dose_response": (
        "Dose response",
        "Share of completions that refuse, by strength. A useful direction raises the two harm curves at lower "
        "strengths than the benign one. Grey: random directions of the same length. Refusals in degenerate text are "
        "not reliable.",
    ),
    "tradeoff": (
        "Trade-off",
        f"Refusal on harm_test against the loss of helpfulness on benign prompts. {READING}. Hollow: ablate, "
        "ablate_affine; bars: 95% intervals; labels: layer, alpha and its share of the residual norm.",
    ),
    "gap_vs_alpha": (
        "Generalization gap",
        "Effect on harm_train minus effect on harm_test. The gap of effects subtracts the gap of the unsteered model; "
        "above 0 steering adds more refusals (or removes fewer) on harm_train.",
    ),
    "effect_gap_forest": (
        "Gap of effects at every point",
        "Effect on harm_train minus effect on harm_test at every point, with 95% intervals. Filled: prompts that did "
        "not build the direction; coloured: p at most 0.05 after correction over all claims.",
    ),
    "heatmap_refusal_harm_test": ("Refusal by layer and strength", "Share of harm_test prompts that are refused."),
    "heatmap_helpful_benign": ("Helpfulness by layer and strength", "Share of benign prompts answered helpfully."),
    "steerability": (
        "Steerability of single prompts",
        "Change of each prompt's refusal propensity per unit of alpha, sorted. Marks below 0 are prompts that move in "
        "the wrong direction. Click a mark to read the completions of its prompt.",
    ),
    "equal_kl_curve": (
        "Effect at equal KL",
        "Change of harm_test refusal against the first-token KL. A direction that is specific to refusal lies above "
        "the black controls at the same KL.",
    ),
    "scan": (
        "Which layer, how strong?",
        "Before anything is generated, on prompts that the study does not use: the change of refusal propensity at "
        "equal first-token KL by layer, beside random directions, and the strength that reaches each KL.",
    ),
    "methods": (
        "Methods at equal KL",
        "Change of clean refusal and helpfulness lost by method, against the first-token KL. A circle marks a method "
        "whose refusal on harm_test differs from that of the first method at the same KL.",
    ),
}
"""Title and caption of each figure, in the order of the page."""

CAVEATS: Final = (
    "Refusal and helpfulness are scored by rules on the text, not by human readers; the rules overestimate refusal.",
    "The recommended point is chosen on harm_train prompts (those that built the direction, where some were held out) "
    "and on benign prompts, not on harm_test; selection.csv estimates how much this choice biases the reported cost.",
    "The headline gap uses harm_train prompts that did not build the direction, where some were held out.",
    "Intervals are clustered by template; near copies count as one. They hold for other prompts in the same styles; "
    "the second interval of a claim holds for other styles.",
    "Intervals are not corrected for multiple comparisons: among many points some exclude 0 by chance. The p value of "
    "a headline claim is corrected: without any true effect at most 5% of reports make a claim. The p values of checks "
    "are not corrected.",
    "If layers, strengths, the token position or the method were chosen by looking at outcomes on these prompts, as "
    "the token position of config.yaml was, the p values do not account for that choice. A scan chooses on other "
    "prompts, and needs no correction.",
)

_FILTERED: Final = (
    *("split", "family", "style", "intervention", "layer", "alpha", "direction", "label", "changed", "degenerate"),
    "seed",
)
FILTERS: Final = {name: name for name in _FILTERED} | {"changed": "changed from unsteered"}
"""Filters of the completions and their labels; report.js has the same names."""


@dataclass(frozen=True)
class RunTables:
    """The tables of a run that its page shows, as in R/tables."""

    summary: pd.DataFrame
    sanity: pd.DataFrame
    claims: pd.DataFrame
    prompt_steerability: pd.DataFrame
    shift: pd.DataFrame
    by_group: pd.DataFrame
    methods: pd.DataFrame


def write_report(
    results: pd.DataFrame,
    *,
    tables: RunTables,
    figures_dir: Path,
    output: Path,
    title: str,
    provenance: Mapping[str, Any] | None = None,
    downloads: Sequence[Path] = (),
    strength_notes: Sequence[str] = (),
    scan_notes: Sequence[str] = (),
    stages: Mapping[str, int] = MappingProxyType({}),
    times: Sequence[StageTime] = (),
) -> None:
    """Write index.html, one file that makes no network requests.

    The results have at least `PAGE_COLUMNS`. Figures that are missing in `figures_dir` are left out, and the page is
    written whole or not at all. It offers the `downloads` beside the config, has `strength_notes` among the warnings
    and `scan_notes`, what a scan chose and why, under the answers. `stages` has the number of files that each stage of
    the workflow makes, in its order; with `times` two runs have different pages.
    """
    summary, claims = tables.summary, tables.claims
    is_check = claims["claim"].str.startswith(CHECKS)
    prompts = results[["split", "id", "cluster", "style"]]
    best = recommended_point(summary)
    charts = _charts(summary, tables.prompt_steerability)
    config = yaml.safe_dump((provenance or {}).get("config", {}), sort_keys=False, allow_unicode=True)
    page = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            **page_frame(),
            title=title,
            shift=shift_sentence(tables.shift),
            answers=_answers(claims),
            power=power_sentence(results, summary=summary),
            scan_notes=scan_notes,
            findings=headline(summary, claims=claims, methods=tables.methods),
            warnings=[
                *filter(None, [mixture_note((provenance or {}).get("made_with", []))]),
                *warnings(summary, claims=claims, sanity=tables.sanity, prompts=prompts),
                *strength_notes,
            ],
            caveats=CAVEATS,
            figures=list(_figures(figures_dir, charts, compares_methods=len(tables.methods) > 0)),
            charts=charts,
            stages=stages,
            times=times,
            rules=_image(TEMPLATES / "rules.svg"),
            completions=pack_completions(results),
            first={} if best is None else {**_opens(best), "split": "harm_test"},
            filters=FILTERS,
            operating_points=_rows(summary[summary["role"] == "main"], best),
            gap=headline_gap(summary),
            sizes=_sizes(summary),
            checks=as_records(tables.sanity),
            groups=[row | {"where": place(row)} for row in as_records(tables.by_group)],
            claims=as_records(claims[~is_check]),
            claim_checks=as_records(claims[is_check]),
            splits=SPLITS,
            provenance=list(_flat({key: part for key, part in (provenance or {}).items() if key != "config"})),
            config=config,
            files={
                "study.yaml": packed(config),
                **{path.name: packed(path.read_text(encoding="utf-8")) for path in downloads},
            },
        )
    )
    write_text(output, page)


def _answers(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """The claims that answer the three questions, at the recommended point.

    Where a claim is not shown there, that of the most significant point of the grid follows if it is shown.
    """
    found = {row["claim"]: row for row in as_records(claims)}
    answers = []
    for name in QUESTIONS:
        recommended, strongest = found.get(name, {}), found.get(name + MOST_SIGNIFICANT, {})
        answers.append(recommended)
        if strongest.get("verdict") == "shown" != recommended.get("verdict"):
            answers.append(strongest)
    return [row for row in answers if row]


def _charts(summary: pd.DataFrame, prompts: pd.DataFrame) -> dict[str, list[Spec]]:
    charts = {
        "dose_response": dose_response_chart(summary),
        "gap_vs_alpha": gap_chart(summary),
        "tradeoff": [tradeoff_chart(summary)],
    }
    for name, split, title in (
        ("refusal_harm_test", "harm_test", "refusal, harm_test"),
        ("helpful_benign", "benign", "helpful answers, benign"),
    ):
        charts[f"heatmap_{name}"] = heatmap_chart(summary, name=name, split=split, title=title)
    return charts | ({"steerability": [steerability_chart(prompts)]} if prompts["slope"].notna().any() else {})


def _opens(row: Mapping[str, Any]) -> dict[str, str]:
    if row["from_baseline"]:
        return {"intervention": "none"}
    # As a script prints the number.
    alpha = repr(float(row["alpha"])).removesuffix(".0")
    point = {name: str(row[name]) for name in ("intervention", "layer", "direction")}
    return {**point, "alpha": alpha}


def _figures(folder: Path, charts: Mapping[str, list[Spec]], *, compares_methods: bool) -> Iterator[dict[str, Any]]:
    for name, (title, caption) in FIGURES.items():
        if name == "methods" and not compares_methods:
            continue
        path = folder / f"{name}.svg"
        picture = _image(path) if path.exists() else None
        if picture or name in charts:
            yield {"name": name, "title": title, "caption": caption, "chart": name in charts, "picture": picture}


def _image(path: Path) -> str:
    """The source of an `img` element: inline, ids of two SVGs could meet, and an image runs no script."""
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _sizes(summary: pd.DataFrame) -> str | None:
    """The number of completions behind each rate of the table; None where it differs from row to row."""
    counts = study_points(summary)[[f"refusal_{split}_n" for split in SPLITS]]
    return sample_sizes(summary) if (counts.nunique() <= 1).all() else None


def _rows(study: pd.DataFrame, best: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the baseline once and then the steered points, adding before ablating."""
    from_baseline = study["from_baseline"].astype(bool)
    baseline = as_records(study[from_baseline].head(1))
    unsteered = [{**row, "name": "unsteered"} for row in baseline]
    steered = [{**row, "name": place(row)} for row in as_records(study[~from_baseline])]
    steered = sorted(steered, key=lambda row: curve_order(row["intervention"]))
    recommended = None if best is None else [best[key] for key in POINT_KEYS]
    return [
        {**row, "is_recommended": [row[key] for key in POINT_KEYS] == recommended, "opens": _opens(row)}
        for row in (*unsteered, *steered)
    ]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
