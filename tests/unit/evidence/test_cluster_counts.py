"""Completions counted per operating point and cluster."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import (
    CELLS,
    HELD_OUT,
    IN_DIRECTION,
    count_clusters,
    pair_with_baseline,
    with_outcomes,
)
from steering_reliability.results.schema import POINT_KEYS
from synthetic_run import completion

POINT = ("main", "contrastive_prefix", "add", "14", 0)


def prompt(index, *, before, after, split="harm_test", **labels):
    """Build one prompt unsteered and at alpha 0.5."""
    return [completion(split, index, refused=refused, alpha=alpha) | labels
            for alpha, refused in ((0.0, before), (0.5, after))]  # fmt: skip


def counts_of(*prompts, **options):
    return count_clusters(with_outcomes(pd.DataFrame([row for rows in prompts for row in rows])), **options)


# Cluster a: one begins to refuse, one refuses throughout. Cluster b: one stops.
ROWS = (
    prompt(0, before=False, after=True, cluster="a"),
    prompt(1, before=True, after=True, cluster="a"),
    prompt(2, before=True, after=False, cluster="b"),
)


def test_counts_and_pairs_by_hand():
    counts = counts_of(*ROWS)
    assert counts.points.tolist() == [(*POINT, 0.0), (*POINT, 0.5)]
    assert counts.points.names == POINT_KEYS
    # Rows: the baseline, alpha 0.5. Columns: clusters a, b.
    assert counts.sizes("harm_test").tolist() == [[2, 1], [2, 1]]
    assert counts.successes("refusal", "harm_test").tolist() == [[1, 1], [2, 0]]
    assert counts.successes("helpful", "harm_test").tolist() == [[1, 0], [0, 1]]
    pairs = counts.pairs("refusal", "harm_test")
    assert [cell[1].tolist() for cell in pairs] == [[1, 0], [1, 0], [0, 1], [0, 0]]
    assert pairs.differences.tolist() == [[0, 0], [1, -1]]
    assert counts.n_prompts("harm_test").tolist() == [3, 3]


def test_harm_train_is_counted_whole_and_by_whether_a_prompt_built_the_direction():
    # The even ones built it.
    rows = [prompt(index, before=False, after=index > 0, split="harm_train") for index in range(3)]
    counts = counts_of(*rows)
    after = {split: counts.successes("clean_refusal", split)[1].tolist() for split in counts.sums}
    assert after == {"harm_train": [0, 1, 1], IN_DIRECTION: [0, 1], HELD_OUT: [1]}


def test_a_point_that_a_cluster_does_not_reach_and_a_split_without_completions_have_none():
    counts = counts_of(*ROWS[:2], ROWS[2][:1])
    assert counts.sizes("harm_test").tolist() == [[2, 1], [2, 0]]
    assert counts.n_prompts("harm_test").tolist() == [3, 2]
    for split in ("benign", HELD_OUT):
        assert counts.pairs("helpful", split).sizes.shape == counts.sizes(split).shape == (2, 0)
        assert counts.n_prompts(split).tolist() == [0, 0]


def test_the_same_completions_are_counted_by_style_and_by_prompt():
    rows = [[row | {"style": style} for row in own] for own, style in zip(ROWS, (None, "slang", None), strict=True)]
    # The style without a name comes first: prompts 0 and 2.
    assert counts_of(*rows, unit="style").successes("refusal", "harm_test").tolist() == [[1, 1], [1, 1]]
    assert counts_of(*rows, unit="id").successes("refusal", "harm_test").tolist() == [[0, 1, 1], [1, 1, 0]]
    # A split in which no prompt has a style is not counted by style.
    rows = [[row | {"style": None} for row in own] for own in ROWS]
    counts = counts_of(*rows, prompt(0, before=True, after=True, split="benign"), unit="style")
    assert counts.sizes("harm_test").shape == (2, 0)
    assert counts.sizes("benign").tolist() == [[1], [1]]


def test_each_pair_is_in_one_cell():
    before, after = [True, False, True, False], [True, True, False, False]
    rows = [completion("benign", index, refused=refused) for index, refused in enumerate(before)]
    rows += [completion("benign", index, refused=refused, alpha=0.5) for index, refused in enumerate(after)]
    paired = pair_with_baseline(pd.DataFrame(rows), outcomes=["is_refusal"])
    cells = paired.loc[paired["alpha"] == 0.5, [f"is_refusal_{cell}" for cell in CELLS]]
    assert cells.to_numpy().tolist() == np.eye(4).tolist()


def test_a_completion_without_its_baseline_has_no_cell():
    rows = [completion("benign", 0, refused=False), completion("benign", 1, refused=True, alpha=0.5)]
    paired = pair_with_baseline(pd.DataFrame(rows), outcomes=["is_refusal", "is_helpful"])
    assert paired.loc[1, ["is_refusal_both", "is_helpful_neither"]].isna().all()


def test_two_baselines_of_one_completion_are_refused():
    rows = [completion("benign", 0, refused=False)] * 2
    with pytest.raises(pd.errors.MergeError):
        pair_with_baseline(pd.DataFrame(rows), outcomes=["is_refusal"])
