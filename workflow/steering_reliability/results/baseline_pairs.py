"""Every completion of results.parquet beside the unsteered one of the same prompt and sample."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from steering_reliability.results.schema import GROUP_KEYS, ROW_KEYS

CELLS: Final = ("both", "steered_only", "baseline_only", "neither")
"""What an outcome can be in a pair, in the order of `newcombe_paired_interval`."""


def pair_with_baseline(results: pd.DataFrame, *, outcomes: Sequence[str]) -> pd.DataFrame:
    """Add to each completion whether its outcomes, its baseline's, both or neither are true.

    The results include the baselines; `outcomes` are columns of truth values.

    Returns:
        The rows in their order, `outcomes` as 0.0 or 1.0, with {outcome}_both, _steered_only, _baseline_only and
        _neither; these are NaN for a completion without its baseline.
    """
    keys = [*GROUP_KEYS, *ROW_KEYS]
    rows = results.copy()
    for name in outcomes:
        rows[name] = rows[name].astype(float)
    baseline = rows.loc[rows["from_baseline"].astype(bool), [*keys, *outcomes]]
    rows = rows.merge(baseline, on=keys, how="left", suffixes=("", "_before"), validate="many_to_one")
    for name in outcomes:
        after, before = rows[name], rows.pop(f"{name}_before")
        # A product with NaN stays NaN, so a row without its baseline is left out of the pairs.
        cells = (after * before, after * (1 - before), (1 - after) * before, (1 - after) * (1 - before))
        for cell, values in zip(CELLS, cells, strict=True):
            rows[f"{name}_{cell}"] = values
    return rows
