"""The operating points at which the claims of an effect are made, and where the controls therefore run."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.results.schema import POINT_KEYS, as_records

RECOMMENDED: Final = "recommended"
MOST_SIGNIFICANT: Final = "most significant"

CLAIM_POINT_COLUMNS: Final = ["purpose", *POINT_KEYS]


def claim_points(summary: pd.DataFrame, *, tests: pd.DataFrame) -> pd.DataFrame:
    """Choose the points of the claims, of the study's completions alone.

    Returns:
        Columns `CLAIM_POINT_COLUMNS`: the recommended point (chosen on harm_train and benign) and the one whose change
        of clean refusal on harm_test has the smallest p; no row for one that is not there.
    """
    points = {RECOMMENDED: recommended_point(summary), MOST_SIGNIFICANT: most_significant_effect(tests)}
    rows = [{"purpose": purpose, **point} for purpose, point in points.items() if point is not None]
    return pd.DataFrame(rows, columns=CLAIM_POINT_COLUMNS)


def most_significant_effect(tests: pd.DataFrame) -> dict[str, Any] | None:
    """Return `POINT_KEYS` of the point whose change of clean refusal on harm_test has the smallest p."""
    effects = tests[(tests["split"] == "harm_test") & (tests["outcome"] == "clean_refusal")].dropna(subset=["p"])
    found = as_records(effects.sort_values("p", kind="stable")[POINT_KEYS].head(1))
    return found[0] if found else None


def point_chosen_by_effect(tests: pd.DataFrame, *, recommended: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the most significant point; None where it is the recommended one (`POINT_KEYS`), which no effect chose."""
    strongest = most_significant_effect(tests)
    return None if strongest == recommended else strongest
