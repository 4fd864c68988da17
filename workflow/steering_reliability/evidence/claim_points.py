"""The operating points at which the claims of an effect are made, and where the controls therefore run."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.paired_tests import paired_tests
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.schema import POINT_KEYS, as_records

RECOMMENDED: Final = "recommended"
MOST_SIGNIFICANT: Final = "most significant"

CLAIM_POINT_COLUMNS: Final = ["purpose", *POINT_KEYS]


def claim_points(results: pd.DataFrame) -> pd.DataFrame:
    """Choose the points of the claims, of the study's completions alone.

    Args:
        results: The columns of `SUMMARY_INPUTS`; other roles than main do not matter.

    Returns:
        Columns `CLAIM_POINT_COLUMNS`: the recommended point (chosen on harm_train and benign) and the one whose change
        of clean refusal on harm_test has the smallest p; no row for one that is not there.
    """
    study = results[results["role"] == "main"]
    best = recommended_point(summarise(study)) if len(study) else None
    rows: list[Mapping[str, Any]] = [] if best is None else [{"purpose": RECOMMENDED, **best}]
    strongest = most_significant_effect(study)
    rows += [] if strongest is None else [{"purpose": MOST_SIGNIFICANT, **strongest}]
    return pd.DataFrame(rows, columns=CLAIM_POINT_COLUMNS)


def most_significant_effect(results: pd.DataFrame) -> dict[str, Any] | None:
    """Return `POINT_KEYS` of the study's point whose change of clean refusal on harm_test has the smallest p."""
    outcomes = with_outcomes(results[results["role"] == "main"])
    tests = paired_tests(count_clusters(outcomes), styles=count_clusters(outcomes, unit="style"))
    effects = tests[(tests["split"] == "harm_test") & (tests["outcome"] == "clean_refusal")].dropna(subset=["p"])
    found = as_records(effects.sort_values("p", kind="stable")[POINT_KEYS].head(1))
    return found[0] if found else None


def point_chosen_by_effect(results: pd.DataFrame, *, recommended: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the most significant point, None where it is the recommended one: there its effect chose nothing.

    Args:
        results: The columns of `COUNT_INPUTS`.
        recommended: `POINT_KEYS` of the recommended point; None where there is none.
    """
    strongest = most_significant_effect(results)
    return None if strongest == recommended else strongest
