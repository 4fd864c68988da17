"""The effect on refusal by style and by topic, at the points of the claims."""

from collections.abc import Iterator
from typing import Any, Final

import pandas as pd

from steering_reliability.evidence.cluster_counts import CELLS
from steering_reliability.results.schema import POINT_KEYS, SPLITS, as_records, at_point
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference

BY_GROUP_COLUMNS: Final = [
    *("point", *POINT_KEYS, "split", "grouped_by", "group"),
    *("before", "after", "n", "n_clusters", "effect", "effect_low", "effect_high"),
]

_LABELS: Final = {"style": "style", "topic": "family"}
"""What prompts are grouped by, and the column that says it."""

_PAIRS: Final = [f"is_clean_refusal_{cell}" for cell in CELLS]


def by_group(rows: pd.DataFrame, *, points: pd.DataFrame) -> pd.DataFrame:
    """Compare clean refusal with the baseline within every style and every topic.

    It describes: no p is given and none is corrected for the number of groups.

    The rows are the study's, from `with_outcomes`; the points are from `claim_points`.

    Returns:
        Columns `BY_GROUP_COLUMNS`, one row per point, split, style and topic: before and after, completions that
        refuse unsteered and steered, of n pairs; effect, steered minus unsteered rate, with
        `clustered_difference`'s 95% interval by template. A group without pairs has n = 0 and NaN; one of a single
        template has no interval. Prompts without a label are in no group.
    """
    # The points of two purposes may be one.
    purposes = points.groupby(POINT_KEYS, sort=False)["purpose"].agg(", ".join).reset_index(name="point")
    found = [
        row
        for point in as_records(purposes)
        for split in SPLITS
        for grouped_by in _LABELS
        for row in _groups(rows, point, split, grouped_by)
    ]
    return pd.DataFrame(found, columns=BY_GROUP_COLUMNS)


def _groups(rows: pd.DataFrame, point: dict[str, Any], split: str, grouped_by: str) -> Iterator[dict[str, Any]]:
    for group, part in at_point(rows[rows["split"] == split], point).groupby(_LABELS[grouped_by], sort=True):
        sums = part.dropna(subset=_PAIRS).groupby("cluster", sort=True)[_PAIRS].sum()
        pairs = PairedCounts(*(sums[cell].to_numpy(dtype=float) for cell in _PAIRS))
        estimate = clustered_difference(pairs)
        yield {
            **{**point, "split": split, "grouped_by": grouped_by, "group": group},
            **{"before": int((pairs.both + pairs.second_only).sum())},
            **{"after": int((pairs.both + pairs.first_only).sum())},
            **{"n": int(pairs.sizes.sum()), "n_clusters": len(sums)},
            **{"effect": float(estimate.value), "effect_low": float(estimate.low)},
            **{"effect_high": float(estimate.high)},
        }
