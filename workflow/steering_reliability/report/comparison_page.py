"""The page of several runs: the same push at the same depth, model by model."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from steering_reliability.evidence.pareto import MAX_HELPFULNESS_DROP
from steering_reliability.files import write_text
from steering_reliability.report.comparison_chart import comparison_chart
from steering_reliability.report.scripts import packed, page_environment, page_frame
from steering_reliability.results.schema import as_records
from steering_reliability.text.numbers import interval, signed

MEASURES: Final = {
    "refusal_effect_harm_test": "change of refusal on harm_test",
    "helpfulness_drop": "helpfulness lost on benign",
    "effect_gap": "gap of effects, train minus test",
}


def write_comparison_page(table: pd.DataFrame, *, differences: Sequence[str] = (), output: Path) -> None:
    """Write index.html, one file that asks nothing of the network.

    Args:
        table: From `compare_runs`.
        differences: From `unlike`: in what the runs were not asked the same.
        output: The page; written whole or not at all.
    """
    charts = {name: comparison_chart(table, measure=name, title=title) for name, title in MEASURES.items()}
    environment = page_environment()
    environment.filters["points"] = parts
    page = environment.get_template("compare.html.j2").render(
        **page_frame(),
        charts=charts,
        measures=MEASURES,
        differences=list(differences),
        best=as_records(best_of_each(table)),
        points=as_records(table),
        files={"compare.csv": packed(table.to_csv(index=False, lineterminator="\n"))},
    )
    write_text(output, page)


def best_of_each(table: pd.DataFrame, *, largest_drop: float = MAX_HELPFULNESS_DROP) -> pd.DataFrame:
    """Each run's point of the largest effect on harm_test among those that cost little helpfulness.

    Args:
        table: From `compare_runs`.
        largest_drop: Helpfulness that such a point may cost; a run in which every point costs more has no row.
    """
    affordable = table[table["helpfulness_drop"] <= largest_drop + 1e-9]
    ordered = affordable.sort_values("refusal_effect_harm_test", ascending=False, kind="stable")
    return ordered.drop_duplicates("run").sort_values("run")


def parts(row: Mapping[str, float], name: str) -> str:
    """A difference in points with its interval; a dash where it is missing."""
    if math.isnan(row[name]):
        return "–"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{signed(row[name])} ({'no interval' if math.isnan(low) else interval(low, high)})"
