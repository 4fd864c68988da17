"""Runs of one or two points whose story is planted, and the claims that come of them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from simulations.null_reports import claims_of
from steering_reliability.claims.claim import CLAIMS_COLUMNS
from synthetic_run import completion

Counts = Mapping[str, tuple[int, int]]
"""Split to refusals before and after."""


def story(
    counts: Counts,
    *,
    n: int = 40,
    layer: int = 14,
    group: int = 1,
    degenerate: bool = False,
    intervention: str = "add",
    styles: int = 4,
) -> list[dict]:
    """Return the rows of a run of one point.

    Args:
        counts: Split to refusals of n prompts, unsteered and steered; the first prompts refuse.
        n: Prompts of each split.
        layer: Of the point.
        group: Prompts of one template.
        degenerate: Whether the refusals of the steered point stand in degenerate text.
        intervention: Of the point.
        styles: How many styles each split has.
    """
    rows = []
    for split, (before, after) in counts.items():
        for alpha, refusals in ((0.0, before), (0.5, after)):
            for index in range(n):
                refused = index < refusals
                row = completion(split, index, refused=refused, alpha=alpha)
                row |= {"layer": layer, "intervention": intervention, "style": f"{split}_{index % styles}"}
                row |= {"cluster": f"{split}_{index // group * group}"}
                # Every other pair of prompts built the direction, so that both halves have the same rate.
                row["builds_direction"] = split == "harm_train" and index % 2 == 0
                if degenerate and refused and alpha:
                    row |= {"is_degenerate": True, "is_helpful": False, "is_helpful_by_opening": False}
                rows.append(row)
    return rows


def claims(rows: list[dict] | pd.DataFrame) -> pd.DataFrame:
    """Return the claims by name; every sentence is checked to hold no number that is none."""
    table = claims_of(pd.DataFrame(rows))
    assert [table.index.name, *table.columns] == CLAIMS_COLUMNS
    assert not table["sentence"].str.contains(r"\bnan\b|\binf\b", case=False, regex=True).any(), table["sentence"]
    return table
