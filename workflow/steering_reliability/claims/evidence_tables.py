"""Every table of evidence that a run's results give, by the name of its file."""

from pathlib import Path

import pandas as pd

from steering_reliability.claims.claims import claims_table
from steering_reliability.claims.headline import headline_tests, with_correction
from steering_reliability.evidence.by_group import by_group
from steering_reliability.evidence.claim_points import claim_points, point_chosen_by_effect
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.control_rank import without_repetition
from steering_reliability.evidence.equal_kl import equal_kl_table
from steering_reliability.evidence.grid_tests import Study, gap_tests, study_of
from steering_reliability.evidence.methods import methods_table
from steering_reliability.evidence.metric_error import CORRECTED_COLUMNS, corrected_table, metric_error, read_labels
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.selection import selection_table
from steering_reliability.evidence.steerability import prompt_steerability, steerability_table
from steering_reliability.results.schema import GRID_ROLES, POINT_KEYS


def make_evidence_tables(
    results: pd.DataFrame, *, summary: pd.DataFrame, sanity: pd.DataFrame, seed: int, labels: Path | None = None
) -> dict[str, pd.DataFrame]:
    """Make every table of evidence, by the name of its file.

    `seed` is that of every resampling. Without `labels`, the user's labelled completions, corrected rates are empty.
    """
    study = study_of(results)
    best = recommended_point(summary)
    chosen = point_chosen_by_effect(study.tests, recommended=best and {key: best[key] for key in POINT_KEYS})
    equal_kl = equal_kl_table(without_repetition(results), chosen_by_effect=chosen)
    error = metric_error(read_labels(labels)) if labels else None
    prompts = prompt_steerability(results)
    # The study's own rows are there already.
    is_compared = (results["role"] == "method").any()
    grid = with_outcomes(results[results["role"].isin(GRID_ROLES)]) if is_compared else study.rows
    return make_claim_tables(study, summary=summary, sanity=sanity, equal_kl=equal_kl) | {
        "selection": selection_table(study.rows, summary=summary, seed=seed),
        "by_group": by_group(study.rows, points=claim_points(summary, tests=study.tests)),
        "steerability": steerability_table(prompts),
        "prompt_steerability": prompts,
        "equal_kl": equal_kl,
        "methods": methods_table(grid, summary=summary),
        "corrected": corrected_table(summary, error=error) if error else pd.DataFrame(columns=CORRECTED_COLUMNS),
    }


def make_claim_tables(
    study: Study, *, summary: pd.DataFrame, sanity: pd.DataFrame, equal_kl: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Make the claims and the tables of tests that they rest on."""
    gaps = gap_tests(study.counts, styles=study.styles)
    point = recommended_point(summary)
    headline, by_opening = (
        headline_tests(study.rows, tests=study.tests, gaps=gaps, point=point, rule=rule)
        for rule in ("phrases", "openings")
    )
    return {
        "claims": claims_table(headline, by_opening=by_opening, counts=study.counts, sanity=sanity, equal_kl=equal_kl),
        "tests": with_correction(study.tests, (headline.effects, headline.costs, *headline.recommended[::2])),
        "gap_tests": with_correction(gaps, (headline.gaps, headline.recommended[1])),
        "layer_differences": headline.layers,
    }
