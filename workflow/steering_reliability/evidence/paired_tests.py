"""Exact tests of every steered point against the baseline on the same prompts."""

from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.cluster_counts import ClusterCounts
from steering_reliability.results.schema import SPLITS
from steering_reliability.statistics.cluster_intervals import clustered_difference
from steering_reliability.statistics.cluster_tests import sign_flip_p
from steering_reliability.statistics.style_intervals import at_least_as_wide, change_over_styles

TESTED: Final = ("clean_refusal", "refusal", "opening_refusal", "helpful", "helpful_by_opening")
"""The outcomes that are tested: the headline's, the raw one and those by the opening rule."""

TESTS_COLUMNS: Final = [
    *("role", "direction", "intervention", "layer", "alpha", "seed", "split", "outcome"),
    *("before", "after", "n", "n_prompts", "n_clusters", "difference", "low", "high", "p"),
    *("n_styles", "styles_low", "styles_high"),
]


def paired_tests(counts: ClusterCounts, *, styles: ClusterCounts) -> pd.DataFrame:
    """Test every outcome of every steered point against the baseline.

    The unit is the cluster of prompts, so near copies count as one; p is that of `sign_flip_p`.

    Args:
        counts: Of the study, by `cluster`.
        styles: Of the same rows, by `style`.

    Returns:
        Columns `TESTS_COLUMNS`, one row per steered point, split and outcome: before and after, completions with the
        outcome unsteered and steered, of n pairs; difference, steered minus unsteered rate, with
        `clustered_difference`'s 95% interval for other prompts in these styles; p, not corrected; and
        `change_over_styles`'s interval for other styles. Missing is NaN with n = 0.
    """
    parts = [_tests(counts, styles, split, outcome) for split in SPLITS for outcome in TESTED]
    table = pd.concat(parts, ignore_index=True)
    steered = table["alpha"] != 0
    return table[steered].sort_values(TESTS_COLUMNS[:8], kind="stable", ignore_index=True)


def _tests(counts: ClusterCounts, styles: ClusterCounts, split: str, outcome: str) -> pd.DataFrame:
    pairs = counts.pairs(outcome, split)
    estimate = clustered_difference(pairs)
    n = pairs.sizes.sum(-1)
    by_style = styles.pairs(outcome, split)
    others = at_least_as_wide(change_over_styles(by_style), prompts=estimate)
    frame = counts.points.to_frame(index=False).assign(
        split=split,
        outcome=outcome,
        before=(pairs.both + pairs.second_only).sum(-1).astype("int64"),
        after=(pairs.both + pairs.first_only).sum(-1).astype("int64"),
        n=n.astype("int64"),
        n_prompts=counts.n_prompts(split).astype("int64"),
        n_clusters=(pairs.sizes > 0).sum(-1),
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p=np.where(n > 0, sign_flip_p(pairs.differences), np.nan),
        n_styles=(by_style.sizes > 0).sum(-1),
        styles_low=others.low,
        styles_high=others.high,
    )
    return frame[TESTS_COLUMNS]
