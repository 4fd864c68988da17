"""Every table of evidence that a run's results give, by the name of its file."""

from pathlib import Path

import pandas as pd

from steering_reliability.analysis.claims import claims_table
from steering_reliability.analysis.clusters import clustered_table
from steering_reliability.analysis.decomposition import DECOMPOSITION_COLUMNS, decomposition_table
from steering_reliability.analysis.equal_kl import equal_kl_table
from steering_reliability.analysis.gap_tests import gap_tests
from steering_reliability.analysis.layer_differences import layer_differences
from steering_reliability.analysis.metric_error import (
    CORRECTED_COLUMNS,
    add_verdicts,
    corrected_table,
    rates_of_metric,
    read_labels,
)
from steering_reliability.analysis.multiplicity import tests_table
from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.pareto_frequency import pareto_frequency
from steering_reliability.analysis.schema import POINT_KEYS
from steering_reliability.analysis.selection import selection_table
from steering_reliability.analysis.steerability import prompt_steerability, steerability_table


def weigh_evidence(
    results: pd.DataFrame,
    *,
    summary: pd.DataFrame,
    sanity: pd.DataFrame,
    seed: int,
    labels: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Make every table of evidence.

    Args:
        results: Rows of results.parquet.
        summary: From `summarise`.
        sanity: From `sanity_checks`.
        seed: Of every resampling.
        labels: The user's labelled completions; None leaves the corrected rates empty.

    Returns:
        Name of the file to table; the decomposition is of the recommended point, and empty where there is none.
    """
    best = recommended_point(summary)
    point = {key: best[key] for key in POINT_KEYS} if best is not None else None
    tests, gaps, layers = tests_table(results), gap_tests(results), layer_differences(results)
    equal_kl = equal_kl_table(results, seed=seed)
    error = rates_of_metric(add_verdicts(read_labels(labels))) if labels else None
    return {
        "claims": claims_table(summary, tests=tests, gaps=gaps, layers=layers, sanity=sanity, equal_kl=equal_kl),
        "tests": tests,
        "clustered": clustered_table(results, seed=seed),
        "gap_tests": gaps,
        "layer_differences": layers,
        "selection": selection_table(results, summary=summary, seed=seed),
        "pareto_frequency": pareto_frequency(results, seed=seed),
        "steerability": steerability_table(results),
        "prompt_steerability": prompt_steerability(results),
        "equal_kl": equal_kl,
        "decomposition": decomposition_table(results, point=point)
        if point
        else pd.DataFrame(columns=DECOMPOSITION_COLUMNS),
        "corrected": corrected_table(summary, labels_error=error) if error else pd.DataFrame(columns=CORRECTED_COLUMNS),
    }
