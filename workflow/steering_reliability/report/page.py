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

from steering_reliability.claims.check_outcome import check_counts, checks_of
from steering_reliability.claims.claim import place
from steering_reliability.claims.claims import NOT_A_CLAIM
from steering_reliability.claims.finding import finding, main_claims, other_claims, short_words, verdict_words
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.figures.gap import headline_gap
from steering_reliability.figures.panels import curve_order, sample_sizes, study_points
from steering_reliability.figures.tradeoff import READING, fill_words, tradeoff_points
from steering_reliability.files import write_text
from steering_reliability.process.ledger import mixture_note
from steering_reliability.prompts.shift import shift_sentence
from steering_reliability.report.chart_style import Spec
from steering_reliability.report.chart_titles import (
    dose_title,
    forest_title,
    scan_title,
    steerability_title,
    tradeoff_title,
)
from steering_reliability.report.charts import (
    dose_response_chart,
    forest_chart,
    gap_chart,
    heatmap_chart,
    steerability_chart,
)
from steering_reliability.report.completions import pack_completions
from steering_reliability.report.design_power import power_sentence
from steering_reliability.report.examples import Example, select_examples
from steering_reliability.report.findings import headline, warnings
from steering_reliability.report.run_facts import citation, run_facts
from steering_reliability.report.scripts import TEMPLATES, packed, page_environment, page_frame
from steering_reliability.report.tradeoff_chart import tradeoff_chart
from steering_reliability.results.schema import POINT_KEYS, SPLITS, as_records
from steering_reliability.run.times import StageTime

FIGURES: Final = {
    "tradeoff": (
        "Trade-off",
        f"{READING}. Bars: 95% intervals; names: layer, alpha and its share of the residual norm.",
    ),
    "dose_response": (
        "Dose response",
        "Share of completions that refuse, by strength, with 95% intervals. Grey: random directions of the same "
        "length. Refusals in degenerate text are not reliable.",
    ),
    "effect_gap_forest": (
        "Gap of effects at every point",
        "Above 0 steering adds more refusals (or removes fewer) on harm_train, on prompts that did not build the "
        "direction where some were held out. Bars: 95% intervals, not corrected.",
    ),
    "steerability": (
        "Steerability of single prompts",
        "Change of each prompt's refusal propensity per unit of alpha, sorted.",
    ),
    "scan": (
        "Which layer, how strong?",
        "Before anything is generated, on prompts that the study does not use: the change of refusal propensity at "
        "equal first-token KL by layer, beside random directions, and the strength that reaches each KL.",
    ),
    "gap_vs_alpha": (
        "Generalization gap by strength",
        "Effect on harm_train minus effect on harm_test. The gap of effects subtracts the gap of the unsteered model.",
    ),
    "heatmap_refusal_harm_test": ("Refusal by layer and strength", "Share of harm_test prompts that are refused."),
    "heatmap_helpful_benign": ("Helpfulness by layer and strength", "Share of benign prompts answered helpfully."),
    "equal_kl_curve": (
        "Effect at equal KL",
        "Change of harm_test refusal against the first-token KL. A direction that is specific to refusal lies above "
        "the black controls at the same KL.",
    ),
    "methods": (
        "Methods at equal KL",
        "Change of clean refusal and helpfulness lost by method, against the first-token KL. A circle marks a method "
        "whose refusal on harm_test differs from that of the first method at the same KL.",
    ),
}
"""Heading and caption of each figure, in the order of the page."""

MAIN: Final = ("tradeoff", "dose_response", "effect_gap_forest", "steerability", "scan")
"""The charts whose title says what they show of the run; the others stand in the appendix."""

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
    *("split", "intervention", "layer", "alpha", "changed", "label"),
    *("family", "style", "direction", "degenerate", "seed"),
)
FILTERS: Final = {name: name for name in _FILTERED} | {"changed": "changed from unsteered"}
"""Filters of the completions and their labels, the first six in sight; report.js has the same names."""


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
    and `scan_notes`, what a scan chose and why, in the appendix. `stages` has the number of files that each stage of
    the workflow makes, in its order; with `times` two runs have different pages.
    """
    summary, claims, provenance = tables.summary, tables.claims, provenance or {}
    prompts = results[["split", "id", "cluster", "style"]]
    best = recommended_point(summary)
    charts = _charts(summary, tables.prompt_steerability)
    config = yaml.safe_dump(provenance.get("config", {}), sort_keys=False, allow_unicode=True)
    main, others = _claims(claims)
    page = (
        page_environment()
        .get_template("report.html.j2")
        .render(
            **page_frame(),
            title=title,
            shift=shift_sentence(tables.shift),
            finding=finding(claims, summary=summary),
            examples=_examples(results, summary),
            example_point="" if best is None else place(best),
            claims=main,
            other_claims=others,
            checks=_checks(claims),
            check_counts=check_counts(claims),
            power=power_sentence(results, summary=summary),
            scan_notes=scan_notes,
            findings=headline(summary, methods=tables.methods),
            warnings=[
                *filter(None, [mixture_note(provenance.get("made_with", []))]),
                *warnings(summary, sanity=tables.sanity, prompts=prompts),
                *strength_notes,
            ],
            caveats=CAVEATS,
            facts=list(run_facts(provenance)),
            citation=citation(provenance, title=title),
            date=max((time.finished for time in times), default=""),
            figures=list(_figures(figures_dir, charts, tables=tables, provenance=provenance)),
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
            sanity=as_records(tables.sanity[tables.sanity["statistic"].astype(str).str.startswith(NOT_A_CLAIM)]),
            groups=[row | {"where": place(row)} for row in as_records(tables.by_group)],
            splits=SPLITS,
            provenance=list(_flat({key: part for key, part in provenance.items() if key != "config"})),
            config=config,
            files={
                "study.yaml": packed(config),
                **{path.name: packed(path.read_text(encoding="utf-8")) for path in downloads},
            },
        )
    )
    write_text(output, page)


def _claims(claims: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The claims that stand first, and the others that check nothing."""
    return [_claim(row) for row in main_claims(claims)], [_claim(row) for row in other_claims(claims)]


def _claim(row: Mapping[str, Any]) -> dict[str, Any]:
    words = verdict_words(row)
    return {**row, "words": words, "kind": words.split(",")[0].replace(" ", "-"), "short": short_words(row)}


def _checks(claims: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """The checks by what they say of the study."""
    return [(str(name), as_records(part)) for name, part in checks_of(claims).groupby("outcome", sort=False)]


def _examples(results: pd.DataFrame, summary: pd.DataFrame) -> list[tuple[str, Example]]:
    """One prompt of harm_test and one of benign, chosen as those of examples.md."""
    chosen = select_examples(results, summary=summary, per_split=1)
    return [(split, one) for split in ("benign", "harm_test") for one in chosen[split]]


def _charts(summary: pd.DataFrame, prompts: pd.DataFrame) -> dict[str, list[Spec]]:
    charts = {
        "dose_response": dose_response_chart(summary),
        "gap_vs_alpha": gap_chart(summary),
        "tradeoff": [tradeoff_chart(summary)],
        "effect_gap_forest": forest_chart(summary),
    }
    for name, split, title in (
        ("refusal_harm_test", "harm_test", "refusal, harm_test"),
        ("helpful_benign", "benign", "helpful answers, benign"),
    ):
        charts[f"heatmap_{name}"] = heatmap_chart(summary, name=name, split=split, title=title)
    charts |= {"steerability": [steerability_chart(prompts)]} if prompts["slope"].notna().any() else {}
    return {name: specs for name, specs in charts.items() if specs}


def _opens(row: Mapping[str, Any]) -> dict[str, str]:
    if row["from_baseline"]:
        return {"intervention": "none"}
    # As a script prints the number.
    alpha = repr(float(row["alpha"])).removesuffix(".0")
    point = {name: str(row[name]) for name in ("intervention", "layer", "direction")}
    return {**point, "alpha": alpha}


def _figures(
    folder: Path, charts: Mapping[str, list[Spec]], *, tables: RunTables, provenance: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    titles = {
        "tradeoff": tradeoff_title(tables.summary),
        "dose_response": dose_title(tables.summary),
        "effect_gap_forest": forest_title(tables.summary),
        "steerability": steerability_title(tables.prompt_steerability),
        "scan": scan_title(provenance.get("chosen_by_scan") or {}),
    }
    fills = {"tradeoff": fill_words(tradeoff_points(tables.summary))}
    for name, (heading, caption) in FIGURES.items():
        if name == "methods" and tables.methods.empty:
            continue
        path = folder / f"{name}.svg"
        # What is drawn by a script is a picture for readers without one, the first chart alone for the page's size.
        picture = _image(path) if path.exists() and (name not in charts or name == MAIN[0]) else None
        if picture or name in charts:
            yield {
                "name": name,
                "heading": heading,
                "title": titles.get(name, heading),
                "caption": caption + fills.get(name, ""),
                "chart": name in charts,
                "picture": picture,
                "is_main": name in MAIN,
            }


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
