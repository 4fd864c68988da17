"""One page that holds a whole run: the answer, the warnings, charts, every completion, tables and provenance."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pandas as pd
import yaml

from steering_reliability.claims.claim import place
from steering_reliability.claims.claims import CHECKS, MOST_SIGNIFICANT, QUESTIONS
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.figures.gap import headline_gap
from steering_reliability.figures.panels import curve_order, sample_sizes, study_points
from steering_reliability.figures.tradeoff_points import READING
from steering_reliability.files import write_text
from steering_reliability.process.ledger import mixture_note
from steering_reliability.prompts.shift import shift_sentence
from steering_reliability.report.chart_style import Spec
from steering_reliability.report.charts import (
    dose_response_chart,
    gap_chart,
    heatmap_chart,
    steerability_chart,
)
from steering_reliability.report.completions import pack_completions
from steering_reliability.report.findings import headline, warnings
from steering_reliability.report.rule_graph import draw_rule_graph
from steering_reliability.report.scripts import packed, page_environment, page_frame
from steering_reliability.report.tradeoff_chart import tradeoff_chart
from steering_reliability.results.schema import POINT_KEYS, SPLITS, as_records
from steering_reliability.run.times import StageTime

FIGURES: Final = {
    "dose_response": (
        "Dose response",
        "Share of completions that refuse, by strength. Steering works where the harm curves rise before the benign "
        "one does; grey: random directions of the same size. Where the text is degenerate, a refusal means little.",
    ),
    "tradeoff": (
        "Trade-off",
        f"Refusal on harm_test against the benign helpfulness it costs. {READING}. Hollow: ablate; bars: 95% "
        "intervals; names: layer, alpha and its share of the residual norm.",
    ),
    "gap_vs_alpha": (
        "Generalization gap",
        "Effect on harm_train minus effect on harm_test. The gap of effects subtracts what the unsteered model does; "
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
        "How far each prompt's refusal propensity moves per unit of alpha, sorted. Marks below 0 are prompts that move "
        "the wrong way. Click one to read what was written to it.",
    ),
    "equal_kl_curve": (
        "At equal disturbance",
        "Change of harm_test refusal against the disturbance of the first token (KL). A direction that means refusal "
        "lies above the black controls at the same KL.",
    ),
}
"""Title and caption of each figure, in the order of the page."""

CAVEATS: Final = (
    "Refusal and helpfulness are judged by rules on the text, not by a reader; such rules overstate refusal.",
    "The recommended point is chosen on harm_train prompts (those that built the direction, where some were held out) "
    "and on benign prompts, not on harm_test; selection.csv says by how much the choice flatters the cost.",
    "The headline gap rests on harm_train prompts that did not build the direction, where some were held out.",
    "Intervals count prompts of one template, and near copies, as one. They speak of other prompts in the styles that "
    "were asked; the second interval of a claim speaks of other styles.",
    "Each interval stands for itself: among many points some exclude 0 by chance. The p of a headline claim "
    "is corrected, so that at most 5% of reports make any where nothing is there; checks are not.",
    "If layers, strengths or the token position of the config were chosen by looking at outcomes on these same "
    "prompts, as those of config.yaml were, that choice is not corrected for.",
)

FILTERS: Final = {
    "split": "split",
    "family": "family",
    "style": "style",
    "intervention": "intervention",
    "layer": "layer",
    "alpha": "alpha",
    "direction": "direction",
    "label": "label",
    "changed": "changed from unsteered",
    "degenerate": "degenerate",
    "seed": "seed",
}
"""What the completions can be filtered by, and the word for it; report.js has the same names."""


@dataclass(frozen=True)
class RunTables:
    """The tables of a run that its page shows.

    Attributes:
        summary: From `summarise`.
        sanity: From `sanity_checks`, possibly empty.
        claims: From `claims_table`.
        prompt_steerability: From `prompt_steerability`.
        shift: From `measure_shift`.
    """

    summary: pd.DataFrame
    sanity: pd.DataFrame
    claims: pd.DataFrame
    prompt_steerability: pd.DataFrame
    shift: pd.DataFrame


def write_report(
    results: pd.DataFrame,
    *,
    tables: RunTables,
    figures_dir: Path,
    output: Path,
    title: str,
    provenance: Mapping[str, Any] | None = None,
    downloads: Sequence[Path] = (),
    stages: Mapping[str, int] = MappingProxyType({}),
    times: Sequence[StageTime] = (),
) -> None:
    """Write index.html, one file that asks nothing of the network.

    Args:
        results: Rows of results.parquet, at least `page.completions.PAGE_COLUMNS`.
        tables: Of the same run.
        figures_dir: Folder of the SVG figures; those that are missing are left out.
        output: The page; written whole or not at all.
        title: Name of the run or model.
        provenance: What made the run, nested as in provenance.json.
        downloads: Files that the page hands out, beside the config.
        stages: How many files each stage of the workflow makes, in its order.
        times: When each stage was finished; with them two runs have different pages.
    """
    summary, claims = tables.summary, tables.claims
    is_check = claims["claim"].str.startswith(CHECKS)
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
            findings=headline(summary, claims=claims),
            warnings=_warnings(
                results, summary=summary, claims=claims, sanity=tables.sanity, provenance=provenance or {}
            ),
            caveats=CAVEATS,
            figures=list(_figures(figures_dir, charts)),
            charts=charts,
            stages=stages,
            times=times,
            rules=draw_rule_graph(),
            completions=pack_completions(results),
            first={} if best is None else {**_opens(best), "split": "harm_test"},
            filters=FILTERS,
            operating_points=_rows(summary[summary["role"] == "main"], best),
            gap=headline_gap(summary),
            sizes=_sizes(summary),
            checks=as_records(tables.sanity),
            claims=as_records(claims[~is_check]),
            claim_checks=as_records(claims[is_check]),
            splits=SPLITS,
            provenance=list(_flat({key: part for key, part in (provenance or {}).items() if key != "config"})),
            config=config,
            files={"study.yaml": packed(config), **{path.name: packed(_text(path)) for path in downloads}},
        )
    )
    write_text(output, page)


def _warnings(
    results: pd.DataFrame,
    *,
    summary: pd.DataFrame,
    claims: pd.DataFrame,
    sanity: pd.DataFrame,
    provenance: Mapping[str, Any],
) -> list[str]:
    prompts = results[["split", "id", "cluster", "style"]]
    mixture = mixture_note(provenance.get("made_with", []))
    return [*([mixture] if mixture else []), *warnings(summary, claims=claims, sanity=sanity, prompts=prompts)]


def _answers(claims: pd.DataFrame) -> list[dict[str, Any]]:
    """The three questions of every study, as far as the run could answer them: at the recommended point.

    Where the data can't tell there but show it at the most significant point of the grid, that stands beside it.
    """
    found = {row["claim"]: row for row in as_records(claims)}
    answers = []
    for name in QUESTIONS:
        strongest = found.get(name + MOST_SIGNIFICANT)
        asked = [found.get(name)]
        if strongest is not None and strongest["verdict"] == "shown" and (asked[0] or {}).get("verdict") != "shown":
            asked.append(strongest)
        answers += [row for row in asked if row is not None]
    return answers


def _charts(summary: pd.DataFrame, prompts: pd.DataFrame) -> dict[str, list[Spec]]:
    charts = {
        "dose_response": dose_response_chart(summary),
        "gap_vs_alpha": gap_chart(summary),
        "tradeoff": [tradeoff_chart(summary)],
        "heatmap_refusal_harm_test": heatmap_chart(
            summary, name="refusal_harm_test", split="harm_test", title="refusal, harm_test"
        ),
        "heatmap_helpful_benign": heatmap_chart(
            summary, name="helpful_benign", split="benign", title="helpful answers, benign"
        ),
    }
    return charts | ({"steerability": [steerability_chart(prompts)]} if prompts["slope"].notna().any() else {})


def _opens(row: Mapping[str, Any]) -> dict[str, str]:
    """What the browser of completions filters by to show a point."""
    if row["from_baseline"]:
        return {"intervention": "none"}
    # As a script prints the number.
    alpha = repr(float(row["alpha"])).removesuffix(".0")
    point = {name: str(row[name]) for name in ("intervention", "layer", "direction")}
    return {**point, "alpha": alpha}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _figures(folder: Path, charts: Mapping[str, list[Spec]]) -> Iterator[dict[str, Any]]:
    for name, (title, caption) in FIGURES.items():
        path = folder / f"{name}.svg"
        # As an image and not inline: ids in two SVGs could meet, and an image runs no script.
        picture = base64.b64encode(path.read_bytes()).decode() if path.exists() else None
        if picture or name in charts:
            source = f"data:image/svg+xml;base64,{picture}" if picture else None
            yield {"name": name, "title": title, "caption": caption, "chart": name in charts, "picture": source}


def _sizes(summary: pd.DataFrame) -> str | None:
    """How many completions each rate of the table rests on; None where that differs from row to row."""
    counts = study_points(summary)[[f"refusal_{split}_n" for split in SPLITS]]
    return sample_sizes(summary) if (counts.nunique() <= 1).all() else None


def _rows(study: pd.DataFrame, best: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the baseline once and then the steered points, adding before ablating."""
    from_baseline = study["from_baseline"].astype(bool)
    baseline = as_records(study[from_baseline].head(1))
    unsteered = [{**row, "name": "unsteered"} for row in baseline]
    steered = [{**row, "name": place(row)} for row in as_records(study[~from_baseline])]
    steered = sorted(steered, key=lambda row: curve_order(row["intervention"]))
    return [
        {**row, "is_recommended": _is_same_point(row, best), "opens": _opens(row)} for row in (*unsteered, *steered)
    ]


def _is_same_point(row: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    return other is not None and all(row[key] == other[key] for key in POINT_KEYS)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
