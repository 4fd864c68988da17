"""Tests of every steered point: its effects, the gap of its effects, and how it differs from other layers."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.evidence.cluster_counts import (
    HELD_OUT,
    ClusterCounts,
    count_clusters,
    count_units,
    with_outcomes,
)
from steering_reliability.results.schema import POINT_KEYS, SPLITS, in_order, steered_points
from steering_reliability.statistics.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    direction_of_change,
    share_gap,
)
from steering_reliability.statistics.cluster_tests import effect_gap_p, sign_flip_p
from steering_reliability.statistics.style_intervals import at_least_as_wide, change_over_styles, gap_over_styles

TESTED: Final = ("clean_refusal", "refusal", "opening_refusal", "helpful", "helpful_by_opening")
"""The outcomes that are tested: the headline's, the raw one and those by the opening rule."""

TESTS_COLUMNS: Final = [
    *("role", "direction", "intervention", "layer", "alpha", "seed", "split", "outcome"),
    *("before", "after", "n", "n_prompts", "n_clusters", "difference", "low", "high", "p"),
    *("n_styles", "styles_low", "styles_high"),
]

_GAP_OUTCOMES: Final = ("clean_refusal", "refusal", "opening_refusal")
_PROMPTS: Final = {"unseen": HELD_OUT, "all": "harm_train"}
"""What the tables call the held-out harm_train prompts, and all of them."""

GAP_COLUMNS: Final = [
    *(*POINT_KEYS, "prompts", "outcome", "effect_train", "effect_test", "effect_gap", "low", "high", "p"),
    *("before_train", "after_train", "n_train", "clusters_train"),
    *("before_test", "after_test", "n_test", "clusters_test"),
    *("train_low", "train_high", "test_low", "test_high", "sign"),
    *("share_train", "share_test", "share_gap", "share_low", "share_high"),
    *("n_styles", "styles_low", "styles_high"),
]

_PLACE: Final = ["direction", "intervention", "alpha", "seed"]
_ITEM: Final = ["id", "sample"]

LAYER_COLUMNS: Final = [
    *("direction", "intervention", "alpha", "seed", "layer", "other_layer"),
    *("difference", "low", "high", "n", "n_clusters", "p"),
    *("n_styles", "styles_low", "styles_high"),
]


@dataclass(frozen=True)
class Study:
    """The study's completions, paired with the baseline and counted once for all that rests on them.

    `rows` are from `with_outcomes` (role main), `counts` by `cluster`, `styles` by `style`, `tests` from
    `paired_tests`.
    """

    rows: pd.DataFrame
    counts: ClusterCounts
    styles: ClusterCounts
    tests: pd.DataFrame


def study_of(results: pd.DataFrame) -> Study:
    """Pair, count and test the study.

    The results have at least the columns of `COUNT_INPUTS`; other roles than main do not matter.
    """
    rows = with_outcomes(results[results["role"] == "main"])
    counts, styles = count_clusters(rows), count_clusters(rows, unit="style")
    return Study(rows, counts, styles, paired_tests(counts, styles=styles))


def paired_tests(counts: ClusterCounts, *, styles: ClusterCounts) -> pd.DataFrame:
    """Test every outcome of every steered point against the baseline.

    The unit is the cluster of prompts, so near copies count as one; p is that of `sign_flip_p`.

    Returns:
        Columns `TESTS_COLUMNS`, one row per steered point, split and outcome: before and after, completions with the
        outcome unsteered and steered, of n pairs; difference, steered minus unsteered rate, with
        `clustered_difference`'s 95% interval for other prompts in these styles; p, not corrected; and
        `change_over_styles`'s interval for other styles. Missing is NaN with n = 0.
    """
    parts = [_tests(counts, styles, split, outcome) for split in SPLITS for outcome in TESTED]
    table = pd.concat(parts, ignore_index=True)
    steered = table["alpha"] != 0
    return in_order(table[steered], TESTS_COLUMNS[:8])


def _tests(counts: ClusterCounts, styles: ClusterCounts, split: str, outcome: str) -> pd.DataFrame:
    pairs = counts.pairs(outcome, split)
    frame = counts.points.to_frame(index=False).assign(
        split=split,
        outcome=outcome,
        before=(pairs.both + pairs.second_only).sum(-1).astype("int64"),
        after=(pairs.both + pairs.first_only).sum(-1).astype("int64"),
        n_prompts=counts.n_prompts(split).astype("int64"),
        **_change(pairs, styles=styles.pairs(outcome, split)),
    )
    return frame[TESTS_COLUMNS]


def _change(pairs: PairedCounts, *, styles: PairedCounts) -> dict[str, npt.NDArray[Any]]:
    """The difference of the first rates minus the second, with both of its intervals and its p."""
    estimate = clustered_difference(pairs)
    others = at_least_as_wide(change_over_styles(styles), prompts=estimate)
    n = pairs.sizes.sum(-1)
    return {
        "n": n.astype("int64"),
        "n_clusters": (pairs.sizes > 0).sum(-1),
        **{"difference": estimate.value, "low": estimate.low, "high": estimate.high},
        "p": np.where(n > 0, sign_flip_p(pairs.differences), np.nan),
        "n_styles": (styles.sizes > 0).sum(-1),
        **{"styles_low": others.low, "styles_high": others.high},
    }


def gap_tests(counts: ClusterCounts, *, styles: ClusterCounts) -> pd.DataFrame:
    """Test the gap of effects, [train(alpha) - train(0)] - [test(alpha) - test(0)], at every steered point.

    Returns:
        Columns `GAP_COLUMNS`, a row per steered point, outcome and kind of harm_train prompts: "unseen" (those that did
        not build the direction, the headline) or "all". effect_gap has the 95% interval of `clustered_effect_gap` and
        its p, not corrected; the two effects have intervals of their own, and sign (1 or -1) is that of the one in
        distribution, or on harm_test where its interval holds 0. share_* are the effects as shares of the change that
        was possible in that direction; styles_* is the interval for other styles. before, after and n count
        completions. Missing is NaN with n = 0.
    """
    parts = [_gaps(counts, styles, prompts, outcome) for prompts in _PROMPTS for outcome in _GAP_OUTCOMES]
    table = pd.concat(parts, ignore_index=True)
    order = [*POINT_KEYS, "outcome", "prompts"]
    return in_order(table[table["alpha"] != 0], order)


def _gaps(counts: ClusterCounts, styles: ClusterCounts, prompts: str, outcome: str) -> pd.DataFrame:
    train, test = counts.pairs(outcome, _PROMPTS[prompts]), counts.pairs(outcome, "harm_test")
    changes = clustered_difference(train), clustered_difference(test)
    direction = direction_of_change(*changes)
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


def _counted(pairs: PairedCounts, split: str) -> dict[str, np.ndarray]:
    return {
        f"before_{split}": (pairs.both + pairs.second_only).sum(-1).astype("int64"),
        f"after_{split}": (pairs.both + pairs.first_only).sum(-1).astype("int64"),
        f"n_{split}": pairs.sizes.sum(-1).astype("int64"),
        f"clusters_{split}": (pairs.sizes > 0).sum(-1),
    }


def layer_differences(rows: pd.DataFrame, *, flag: str = "is_clean_refusal") -> pd.DataFrame:
    """Compare refusal on harm_test between every two layers at the same strength.

    The rows are from `with_outcomes`; `flag` is the outcome's column.

    Returns:
        Columns `LAYER_COLUMNS`, one row per pair of layers and strength of the study: the rate at `layer` minus that at
        `other_layer` with `clustered_difference`'s 95% interval, the p of `sign_flip_p`, not corrected, and
        `change_over_styles`'s interval for other styles; n counts pairs of completions.
    """
    steered = steered_points(rows[rows["split"] == "harm_test"])
    if steered.empty:
        return pd.DataFrame(columns=LAYER_COLUMNS)
    outcomes = steered.set_index([*_PLACE, "layer", *_ITEM])[flag].unstack(_ITEM)
    items = steered.drop_duplicates(_ITEM).set_index(_ITEM).loc[outcomes.columns]
    points = in_order(outcomes.index.to_frame(index=False), [*_PLACE, "layer"])
    outcomes = outcomes.reindex(pd.MultiIndex.from_frame(points))
    of_one_place = points.groupby(_PLACE, sort=True)
    couples = [couple for _, place in of_one_place for couple in combinations(place.index, 2)]
    first, second = np.array(couples, dtype=int).reshape(-1, 2).T
    values = outcomes.to_numpy(dtype=float)
    counts, styles = (count_units(values[first], values[second], items[unit]) for unit in ("cluster", "style"))
    table = points.iloc[first].reset_index(drop=True)
    table = table.assign(other_layer=points["layer"].to_numpy()[second], **_change(counts, styles=styles))
    return table[LAYER_COLUMNS]
