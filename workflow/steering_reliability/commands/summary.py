"""A finished run in a few lines: rates, what it found, and where to click."""

import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from steering_reliability.claims.check_outcome import check_counts
from steering_reliability.claims.finding import finding
from steering_reliability.errors import InputError
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.results.schema import as_records
from steering_reliability.results.tables import read_table
from steering_reliability.run.plan import RunPlan
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import percent, rounded

_MOST_POINTS = 4
_LINE = 100
_COLUMNS = ("refusal_harm_train", "refusal_harm_test", "refusal_benign", "helpful_benign")


def summary_lines(plan: RunPlan) -> Iterator[str]:
    """Describe a finished run, with a few steered points: the recommended one, then others of the frontier.

    Yields:
        Lines: a small table of rates in percent (95% interval), the finding, and where the report lies.

    Raises:
        InputError: When the run has no tables yet.
    """
    tables = Path(plan.folder) / "tables"
    if not (tables / "claims.csv").is_file():
        raise InputError("the run is not finished", where=plan.folder, fix="run it first: steering-reliability run")
    summary, claims = read_table(tables / "summary.csv"), read_table(tables / "claims.csv")
    yield ""
    points = list(_points(summary))
    width = max(32, *(len(name) + 1 for name, _ in points)) if points else 32
    yield f"{plan.title:<{width}}" + "".join(f"{name:>14}" for name in ("harm_train", "harm_test", "benign", "benign"))
    yield f"{'':<{width}}" + "".join(f"{name:>14}" for name in ("refused", "refused", "refused", "helpful"))
    for name, row in points:
        yield f"{name:<{width}}" + "".join(f"{_percent(row, column):>14}" for column in _COLUMNS)
    yield ""
    for sentence in finding(claims, summary=summary):
        yield from textwrap.wrap(sentence, _LINE)
    yield f"checks: {check_counts(claims)}"
    report = Path(plan.report_folder) / "index.html"
    yield f"report: {report}   {report.absolute().as_uri()}"


def _points(summary: pd.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
    study = summary[summary["role"] == "main"]
    from_baseline = study["from_baseline"].astype(bool)
    for row in as_records(study[from_baseline].head(1)):
        yield "unsteered", row
    best = recommended_point(summary)
    frontier = study[~from_baseline & study["on_pareto"].astype(bool)].sort_values("refusal_harm_test", kind="stable")
    listed = [] if best is None else [best]
    for row in as_records(frontier):
        if all(_name(row) != _name(other) for other in listed):
            listed.append(row)
    for row in listed[:_MOST_POINTS]:
        yield f"{_name(row)}{' (best)' if row is best else ''}", row


def _name(row: dict[str, Any]) -> str:
    return f"{row['intervention']} {layer_words(row['layer'])} alpha {row['alpha']:g}"


def _percent(row: dict[str, Any], name: str) -> str:
    if row[f"{name}_n"] == 0:
        return "-"
    value = percent(row[name])
    if math.isnan(row[f"{name}_low"]):
        return value
    return f"{value} ({rounded(100 * row[f'{name}_low'])}-{rounded(100 * row[f'{name}_high'])})"
