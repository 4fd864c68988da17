"""Every table of evidence that a run's results give, by the name of its file."""

from pathlib import Path
from typing import Any

import pandas as pd

from steering_reliability.claims.claims import claims_table
from steering_reliability.claims.headline import headline_tests, with_correction
from steering_reliability.evidence.claim_points import point_chosen_by_effect
from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.control_rank import without_repetition
from steering_reliability.evidence.decomposition import DECOMPOSITION_COLUMNS, decomposition_table
from steering_reliability.evidence.equal_kl import equal_kl_table
from steering_reliability.evidence.gap_tests import gap_tests
from steering_reliability.evidence.metric_error import (
    CORRECTED_COLUMNS,
    add_verdicts,
    corrected_table,
    rates_of_metric,
    read_labels,
)
from steering_reliability.evidence.paired_tests import paired_tests
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.pareto_frequency import pareto_frequency
from steering_reliability.evidence.selection import selection_table
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.results.schema import POINT_KEYS


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
    point = _recommended(summary)
    chosen = point_chosen_by_effect(results, recommended=point)
    equal_kl = equal_kl_table(without_repetition(results), chosen_by_effect=chosen)
    error = rates_of_metric(add_verdicts(read_labels(labels))) if labels else None
    tables = weigh_claims(results, summary=summary, sanity=sanity, equal_kl=equal_kl)
    return tables | {
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


def weigh_claims(
    results: pd.DataFrame, *, summary: pd.DataFrame, sanity: pd.DataFrame, equal_kl: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Make the claims and the tables of tests that they rest on; arguments as in `weigh_evidence`."""
    study = with_outcomes(results[results["role"] == "main"])
    counts, styles = count_clusters(study), count_clusters(study, unit="style")
    tests, gaps = paired_tests(counts, styles=styles), gap_tests(counts, styles=styles)
    point = _recommended(summary)
    headline, by_opening = (
        headline_tests(study, tests=tests, gaps=gaps, point=point, rule=rule) for rule in ("phrases", "openings")
    )
    return {
        "claims": claims_table(headline, by_opening=by_opening, counts=counts, sanity=sanity, equal_kl=equal_kl),
        "tests": with_correction(tests, (headline.effects, headline.costs, *headline.recommended[::2])),
        "gap_tests": with_correction(gaps, (headline.gaps, headline.recommended[1])),
        "layer_differences": headline.layers,
    }


def _recommended(summary: pd.DataFrame) -> dict[str, Any] | None:
    best = recommended_point(summary)
    return None if best is None else {key: best[key] for key in POINT_KEYS}
