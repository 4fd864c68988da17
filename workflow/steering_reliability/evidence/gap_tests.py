"""Does steering do as much out of distribution as in it? The gap of effects at every point, in points and relative."""

from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.cluster_counts import HELD_OUT, ClusterCounts
from steering_reliability.results.schema import POINT_KEYS
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference, clustered_effect_gap
from steering_reliability.statistics.cluster_tests import effect_gap_p
from steering_reliability.statistics.intervals import Array, Estimate
from steering_reliability.statistics.relative_change import share_gap
from steering_reliability.statistics.style_intervals import at_least_as_wide, gap_over_styles

_OUTCOMES: Final = ("clean_refusal", "refusal", "opening_refusal")
_PROMPTS: Final = {"unseen": HELD_OUT, "all": "harm_train"}

GAP_COLUMNS: Final = [
    *(*POINT_KEYS, "prompts", "outcome", "effect_train", "effect_test", "effect_gap", "low", "high", "p"),
    *("before_train", "after_train", "n_train", "clusters_train"),
    *("before_test", "after_test", "n_test", "clusters_test"),
    *("train_low", "train_high", "test_low", "test_high", "sign"),
    *("share_train", "share_test", "share_gap", "share_low", "share_high"),
    *("n_styles", "styles_low", "styles_high"),
]


def gap_tests(counts: ClusterCounts, *, styles: ClusterCounts) -> pd.DataFrame:
    """Test the gap of effects, [train(alpha) - train(0)] - [test(alpha) - test(0)], at every steered point.

    Args:
        counts: Of the study, by `cluster`.
        styles: Of the same rows, by `style`.

    Returns:
        Columns `GAP_COLUMNS`, a row per steered point, outcome and kind of harm_train prompts: "unseen" (those that did
        not build the direction, the headline) or "all". effect_gap has the 95% interval of `clustered_effect_gap` and
        its p, not corrected; the two effects have intervals of their own, and sign (1 or -1) is that of the one in
        distribution, or on harm_test where its interval holds 0. share_* are the effects as shares of the change that
        was possible in that direction; styles_* is the interval for other styles. before, after and n count
        completions. Missing is NaN with n = 0.
    """
    parts = [_gaps(counts, styles, prompts, outcome) for prompts in _PROMPTS for outcome in _OUTCOMES]
    table = pd.concat(parts, ignore_index=True)
    order = [*POINT_KEYS, "outcome", "prompts"]
    return table[table["alpha"] != 0].sort_values(order, kind="stable", ignore_index=True)


def _gaps(counts: ClusterCounts, styles: ClusterCounts, prompts: str, outcome: str) -> pd.DataFrame:
    train, test = counts.pairs(outcome, _PROMPTS[prompts]), counts.pairs(outcome, "harm_test")
    changes = clustered_difference(train), clustered_difference(test)
    direction = _direction(*changes)
    gap = clustered_effect_gap(train, second=test)
    relative = share_gap(train, second=test, direction=direction)
    by_style = [styles.pairs(outcome, split) for split in (_PROMPTS[prompts], "harm_test")]
    others = at_least_as_wide(gap_over_styles(by_style[0], second=by_style[1]), prompts=gap)
    frame = counts.points.to_frame(index=False).assign(
        prompts=prompts,
        outcome=outcome,
        effect_train=changes[0].value,
        effect_test=changes[1].value,
        effect_gap=gap.value,
        low=gap.low,
        high=gap.high,
        p=effect_gap_p(train, second=test),
        train_low=changes[0].low,
        train_high=changes[0].high,
        test_low=changes[1].low,
        test_high=changes[1].high,
        sign=direction,
        share_train=relative.first.value,
        share_test=relative.second.value,
        share_gap=relative.gap.value,
        share_low=relative.gap.low,
        share_high=relative.gap.high,
        n_styles=sum((pairs.sizes > 0).sum(-1) for pairs in by_style),
        styles_low=others.low,
        styles_high=others.high,
        **_counted(train, "train"),
        **_counted(test, "test"),
    )
    return frame[GAP_COLUMNS]


def _direction(train: Estimate, test: Estimate) -> Array:
    """Return which way steering goes: in distribution, or out of it where it is not told in distribution."""
    told = (train.low > 0) | (train.high < 0)
    sign = np.where(told, np.sign(train.value), np.sign(test.value))
    return np.asarray(np.where(sign == 0, np.where(train.value < 0, -1.0, 1.0), sign))


def _counted(pairs: PairedCounts, split: str) -> dict[str, np.ndarray]:
    return {
        f"before_{split}": (pairs.both + pairs.second_only).sum(-1).astype("int64"),
        f"after_{split}": (pairs.both + pairs.first_only).sum(-1).astype("int64"),
        f"n_{split}": pairs.sizes.sum(-1).astype("int64"),
        f"clusters_{split}": (pairs.sizes > 0).sum(-1),
    }
