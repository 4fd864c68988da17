"""Do layers differ? Each pair at the same strength, on the same prompts."""

from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.cluster_counts import NO_UNIT, Unit
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.cluster_tests import sign_flip_p
from steering_reliability.statistics.intervals import Array
from steering_reliability.statistics.style_intervals import at_least_as_wide, change_over_styles

_SPLIT: Final = "harm_test"
_PLACE: Final = ["direction", "intervention", "alpha", "seed"]
_ITEM: Final = ["id", "sample"]

LAYER_COLUMNS: Final = [
    *("direction", "intervention", "alpha", "seed", "layer", "other_layer"),
    *("difference", "low", "high", "n", "n_clusters", "p"),
    *("n_styles", "styles_low", "styles_high"),
]


def layer_differences(rows: pd.DataFrame, *, flag: str = "is_clean_refusal") -> pd.DataFrame:
    """Compare refusal on harm_test between every two layers at the same strength.

    Args:
        rows: From `with_outcomes`.
        flag: The outcome's column.

    Returns:
        Columns `LAYER_COLUMNS`, one row per pair of layers and strength of the study: the rate at `layer` minus that at
        `other_layer` with `clustered_difference`'s 95% interval, the p of `sign_flip_p`, not corrected, and
        `change_over_styles`'s interval for other styles; n counts pairs of completions.
    """
    steered = rows[(rows["role"] == "main") & (rows["split"] == _SPLIT) & ~rows["from_baseline"].astype(bool)]
    if steered.empty:
        return pd.DataFrame(columns=LAYER_COLUMNS)
    outcomes = steered.set_index([*_PLACE, "layer", *_ITEM])[flag].unstack(_ITEM).sort_index()
    items = steered.drop_duplicates(_ITEM).set_index(_ITEM).loc[outcomes.columns]
    places = outcomes.groupby(_PLACE, sort=True)
    found = [
        dict(zip(_PLACE, key, strict=True)) | {"layer": one[-1], "other_layer": other[-1]}
        | _compared(outcomes.loc[[one, other]].to_numpy(dtype=float), items)
        for key, part in places
        for one, other in combinations(part.index, 2)
    ]  # fmt: skip
    return pd.DataFrame(found, columns=LAYER_COLUMNS)


def _compared(pair: Array, items: pd.DataFrame) -> dict[str, Any]:
    counts, styles = _counts(pair, items, "cluster"), _counts(pair, items, "style")
    difference = clustered_difference(counts)
    others = at_least_as_wide(change_over_styles(styles), prompts=difference)
    return {
        **{"difference": float(difference.value), "low": float(difference.low), "high": float(difference.high)},
        **{"n": int(counts.sizes.sum()), "n_clusters": int((counts.sizes > 0).sum())},
        **{"p": float(sign_flip_p(counts.differences)) if counts.sizes.any() else np.nan},
        **{"n_styles": int((styles.sizes > 0).sum())},
        **{"styles_low": float(others.low), "styles_high": float(others.high)},
    }


def _counts(pair: Array, items: pd.DataFrame, unit: Unit) -> PairedCounts:
    """Count the items that both have; none where no item has the unit."""
    there = ~np.isnan(pair).any(axis=0) & items[unit].notna().any()
    codes = pd.factorize(items[unit].fillna(NO_UNIT), sort=True)[0][there]
    one, other = pair[:, there]
    cells = (one * other, one * (1 - other), (1 - one) * other, (1 - one) * (1 - other))
    size = int(codes.max()) + 1 if len(codes) else 0
    return PairedCounts(*(np.bincount(codes, weights=cell, minlength=size).astype(np.float64) for cell in cells))
