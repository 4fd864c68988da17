"""The gap of effects, tested."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.gap_tests import GAP_COLUMNS, gap_tests
from steering_reliability.statistics.cluster_intervals import PairedCounts
from steering_reliability.statistics.cluster_tests import effect_gap_p
from steering_reliability.statistics.intervals import difference_of_estimates, newcombe_paired_interval
from steering_reliability.statistics.relative_change import share_gap
from synthetic_run import completion, realistic_results, tiny_results

ENDS = ["effect_gap", "low", "high"]
SIZES = [
    "before_train",
    "after_train",
    "n_train",
    "clusters_train",
    "before_test",
    "after_test",
    "n_test",
    "clusters_test",
]


def split(name, *, before, after, n=40, **labels):
    return [
        completion(name, index, refused=index in refused, alpha=alpha) | labels
        for alpha, refused in ((0.0, before), (0.5, after))
        for index in range(n)
    ]


def gaps_of(*parts):
    rows = with_outcomes(pd.concat([pd.DataFrame(part) for part in parts]))
    return gap_tests(count_clusters(rows), styles=count_clusters(rows, unit="style"))


def clean(*parts):
    """Return the rows of clean refusal by the kind of harm_train prompts."""
    table = gaps_of(*parts)
    return table[table["outcome"] == "clean_refusal"].set_index("prompts")


def pairs(*, both, first_only, neither):
    cells = np.repeat(np.eye(4)[[0, 1, 3]], [both, first_only, neither], axis=0)
    return PairedCounts(*cells.T)


# harm_train: 4 of 40 before, 24 after. harm_test: 8 before, 12 after.
TRAIN = split("harm_train", before=range(4), after=range(24))
TEST = split("harm_test", before=range(8), after=range(12))


def test_the_gap_of_effects_subtracts_the_baseline():
    everyone = clean(TRAIN, TEST).loc["all"]
    assert everyone[SIZES].tolist() == [4, 24, 40, 40, 8, 12, 40, 40]
    assert everyone[["effect_train", "effect_test"]].tolist() == pytest.approx([20 / 40, 4 / 40])
    expected = difference_of_estimates(newcombe_paired_interval(4, 20, 0, 16), newcombe_paired_interval(8, 4, 0, 28))
    assert everyone[ENDS].tolist() == pytest.approx([float(part) for part in expected])
    assert everyone["effect_gap"] == pytest.approx(0.4)
    first, second = pairs(both=4, first_only=20, neither=16), pairs(both=8, first_only=4, neither=28)
    assert everyone["p"] == pytest.approx(float(effect_gap_p(first, second=second)))
    assert everyone["p"] < 0.001


def test_both_effects_have_intervals_of_their_own():
    everyone = clean(TRAIN, TEST).loc["all"]
    ends = [float(end) for cells in ((4, 20, 0, 16), (8, 4, 0, 28)) for end in newcombe_paired_interval(*cells)[1:]]
    assert everyone[["train_low", "train_high", "test_low", "test_high"]].tolist() == pytest.approx(ends)


def test_the_same_effects_as_shares_of_what_was_possible():
    everyone = clean(TRAIN, TEST).loc["all"]
    assert everyone[["share_train", "share_test"]].tolist() == pytest.approx([20 / 36, 4 / 32])
    assert everyone["share_gap"] == pytest.approx(20 / 36 - 4 / 32)
    first, second = pairs(both=4, first_only=20, neither=16), pairs(both=8, first_only=4, neither=28)
    gap = share_gap(first, second=second, direction=np.array(1.0)).gap
    assert everyone[["share_low", "share_high"]].tolist() == pytest.approx([float(gap.low), float(gap.high)])
    assert everyone["share_low"] > 0


@pytest.mark.parametrize(
    ("train", "test", "sign", "shares"),
    [
        # (before, after) of 40; what could fall and fell, or rise and rose.
        ((30, 10), (20, 15), -1, (20 / 30, 5 / 20)),
        ((10, 30), (20, 15), 1, (20 / 30, -5 / 20)),
        # In distribution one prompt more tells no way, so the other effect does.
        ((10, 11), (30, 10), -1, (-1 / 10, 20 / 30)),
        ((10, 10), (10, 30), 1, (0.0, 20 / 30)),
        # Neither changes at all.
        ((10, 10), (10, 10), 1, (0.0, 0.0)),
    ],
)
def test_shares_go_the_way_that_steering_goes_in_distribution_where_that_is_told(train, test, sign, shares):
    parts = [
        split(name, before=range(one), after=range(other))
        for name, (one, other) in (("harm_train", train), ("harm_test", test))
    ]
    row = clean(*parts).loc["all"]
    assert row["sign"] == sign
    assert row[["share_train", "share_test"]].tolist() == pytest.approx(shares)


def test_prompts_that_built_the_direction_are_left_out_of_the_headline():
    # The even ones built it, and all that changed are even.
    table = clean(split("harm_train", before=(), after=range(0, 40, 2)), split("harm_test", before=(), after=()))
    assert table.loc["all", "effect_gap"] == pytest.approx(0.5)
    assert table.loc["unseen", ["effect_gap", "n_train", "clusters_train", "p"]].tolist() == [0.0, 20, 20, 1.0]


def test_near_copies_count_as_one():
    # Ten templates of four prompts on either side: the same rates, and fewer units.
    def templates(rows):
        return pd.DataFrame(rows).assign(cluster=lambda table: (table["id"].str[-4:].astype(int) // 4).astype(str))

    apart, alike = clean(TRAIN, TEST).loc["all"], clean(templates(TRAIN), templates(TEST)).loc["all"]
    assert alike["effect_gap"] == apart["effect_gap"]
    assert alike[["n_train", "clusters_train", "n_test", "clusters_test"]].tolist() == [40, 10, 40, 10]
    assert alike["p"] > 10 * apart["p"]
    assert alike["high"] - alike["low"] > 1.3 * (apart["high"] - apart["low"])


def test_the_interval_for_other_styles_holds_the_one_for_other_prompts():
    even = clean(TRAIN, TEST).loc["all"]
    assert even["n_styles"] == 4 + 4
    assert even["styles_low"] <= even["low"]
    assert even["styles_high"] >= even["high"]
    # All that changed in harm_train is of two of its four styles.
    uneven = clean(split("harm_train", before=(), after=range(0, 40, 2)), TEST).loc["all"]
    assert uneven["styles_low"] < 0 < uneven["low"]


def test_degenerate_refusals_count_in_one_outcome_and_openings_in_another():
    train = pd.DataFrame(split("harm_train", before=(), after=range(10)))
    steered = train["alpha"] > 0
    train.loc[steered & train["id"].isin([f"harm_train_{index:04d}" for index in range(4)]), "is_degenerate"] = True
    train.loc[steered, "opens_with_refusal"] = True
    table = gaps_of(train, TEST)
    after = table[table["prompts"] == "all"].set_index("outcome")["after_train"]
    assert after[["refusal", "clean_refusal", "opening_refusal"]].tolist() == [10, 6, 36]


def test_a_missing_split_is_missing():
    for parts in ((TRAIN,), (TEST,)):
        table = clean(*parts)
        assert table[[*ENDS, "p", "share_gap", "share_low", "styles_low", "styles_high"]].isna().all(axis=None)
    assert clean(TRAIN).loc["all", ["n_train", "n_test", "clusters_test", "n_styles"]].tolist() == [40, 0, 0, 4]


def test_where_every_prompt_built_the_direction_none_is_held_out():
    table = clean(split("harm_train", before=(), after=range(9), builds_direction=True), TEST)
    assert table.loc["unseen", "n_train"] == 0
    assert np.isnan(table.loc["unseen", ["effect_gap", "p"]].to_numpy(dtype=float)).all()
    assert table.loc["all", "n_train"] == 40


def test_one_cluster_has_a_gap_and_no_interval():
    row = clean(split("harm_train", before=range(4), after=range(24), cluster="one"), TEST).loc["all"]
    assert row["effect_gap"] == pytest.approx(0.4)
    assert np.isnan(row[["low", "high", "p", "share_low", "share_high"]].to_numpy(dtype=float)).all()


def test_there_are_six_rows_per_steered_point_whatever_the_order_of_the_rows():
    results = realistic_results(checks=False)
    table = gaps_of(results)
    assert table.columns.tolist() == GAP_COLUMNS
    assert len(table) == 3 * (7 + 2) * 6
    assert (table["alpha"] != 0).all()
    pd.testing.assert_frame_equal(table, gaps_of(results.sample(frac=1, random_state=1)))


@pytest.mark.parametrize("alphas", [[], [0.0]])
def test_without_a_steered_point_there_is_no_gap(alphas):
    results = tiny_results()
    table = gaps_of(results[results["alpha"].isin(alphas)])
    assert table.columns.tolist() == GAP_COLUMNS
    assert table.empty
