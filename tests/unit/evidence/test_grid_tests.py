"""Every steered point against the baseline on the same prompts."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.paired_tests import TESTED, TESTS_COLUMNS, paired_tests
from steering_reliability.results.schema import POINT_KEYS, SPLITS
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion, realistic_results, tiny_results

NUMBERS = ["difference", "low", "high", "p", "styles_low", "styles_high"]


def points(split, *, before, after, samples=1, cluster_of=lambda prompt: f"c{prompt}"):
    """Build ten prompts and some strengths; how many samples of each prompt refuse at 0 and at each strength."""
    return pd.DataFrame(
        completion(split, prompt, refused=sample < refusals.get(prompt, 0), alpha=alpha)
        | {"sample": sample, "cluster": cluster_of(prompt)}
        for alpha, refusals in {0.0: before, **after}.items()
        for prompt in range(10)
        for sample in range(samples)
    )


def changes_of(results, **chosen):
    rows = with_outcomes(results)
    table = paired_tests(count_clusters(rows), styles=count_clusters(rows, unit="style"))
    for key, value in chosen.items():
        table = table[table[key] == value]
    return table


def test_one_sample_per_prompt_is_mcnemar_with_newcombes_interval():
    results = points("harm_test", before={0: 1}, after={0.5: dict.fromkeys(range(1, 8), 1)})
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert [row[name] for name in ("before", "after", "n", "n_prompts", "n_clusters")] == [1, 7, 10, 10, 10]
    expected = [float(part) for part in newcombe_paired_interval(0, 7, 1, 2)]
    assert [row[name] for name in ("difference", "low", "high")] == pytest.approx(expected)
    # 7 begin and 1 stops: 2 * (1 + 8) / 256.
    assert row["p"] == pytest.approx(0.0703125)


def test_near_copies_are_one_unit():
    # Five clusters of two prompts each, of which four begin to refuse as a whole: 2 / 2^4, not 2 / 2^8.
    results = points(
        "harm_test", before={}, after={0.5: dict.fromkeys(range(8), 1)}, cluster_of=lambda prompt: f"c{prompt // 2}"
    )
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert (row["n"], row["n_prompts"], row["n_clusters"]) == (10, 10, 5)
    assert row["p"] == pytest.approx(2 / 2**4)
    counts = PairedCounts(*np.array([[0] * 5, [2] * 4 + [0], [0] * 5, [0] * 4 + [2]], dtype=float))
    expected = [float(part) for part in clustered_difference(counts)]
    assert [row[name] for name in ("difference", "low", "high")] == pytest.approx(expected)


def test_samples_of_a_prompt_are_one_unit_and_all_count():
    after = {0: 3, 1: 1, 2: 2, 3: 2, 4: 0, 5: 1}
    results = points("harm_test", before={4: 1, 5: 1}, after={0.5: after}, samples=3)
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert [row[name] for name in ("before", "after", "n", "n_prompts", "n_clusters")] == [2, 9, 30, 10, 10]
    assert row["difference"] == pytest.approx(7 / 30)
    # Changes 3, 1, 2, 2, -1 sum to 7. Of the 32 patterns those are as far from 0 in which none or one of the two ones
    # is negative (9, 7, 7), and their reverses.
    assert row["p"] == pytest.approx(6 / 32)


def test_the_interval_for_other_styles_holds_the_one_for_other_prompts():
    # Styles 0 and 1 have three prompts, 2 and 3 two; the change of each style is its share of prompts 0 to 4.
    results = points("harm_test", before={}, after={0.5: dict.fromkeys(range(5), 1)})
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert row["n_styles"] == 4
    # 2/3, 1/3, 1/2, 1/2: mean 1/2, sum of squares 1/18, standard error sqrt(1/18 / 3 / 4); quantile 3.182446.
    half = 3.182446 * np.sqrt(1 / 216)
    assert row["low"] < 0.5 - half
    assert (row["styles_low"], row["styles_high"]) == (row["low"], row["high"])
    # Where styles differ as much as they can it is the wider one.
    (row,) = changes_of(
        points("harm_test", before={}, after={0.5: dict.fromkeys((0, 2, 4, 6, 8), 1)}), split="harm_test",
        outcome="refusal",
    ).to_dict("records")  # fmt: skip
    half = 3.182446 * np.sqrt(1 / 12)
    assert (row["styles_low"], row["styles_high"]) == pytest.approx((0.5 - half, 1.0), rel=1e-6)


def test_prompts_without_a_style_have_no_interval_for_other_styles():
    results = points("harm_test", before={}, after={0.5: {0: 1, 1: 1}}).assign(style=None)
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert row["n_styles"] == 0
    assert np.isnan([row["styles_low"], row["styles_high"]]).all()
    assert row["low"] < row["difference"] < row["high"]


def test_the_outcomes_are_told_apart():
    results = points("benign", before={}, after={0.5: {0: 1, 1: 1, 2: 1}})
    steered = results["alpha"] > 0
    results.loc[steered & results["id"].isin(["benign_0002", "benign_0003"]), "is_degenerate"] = True
    results.loc[steered & (results["id"] == "benign_0000"), "opens_with_refusal"] = False
    after = changes_of(results, split="benign").set_index("outcome")["after"]
    assert after[["refusal", "clean_refusal", "opening_refusal", "helpful"]].tolist() == [3, 2, 1, 7]


def test_there_is_a_row_per_steered_point_split_and_outcome_in_a_fixed_order():
    results = realistic_results(checks=False)
    table = changes_of(results)
    assert table.columns.tolist() == TESTS_COLUMNS
    assert len(table) == 3 * (7 + 2) * len(SPLITS) * len(TESTED)
    assert (table["alpha"] != 0).all()
    assert not table.duplicated([*POINT_KEYS, "split", "outcome"]).any()
    pd.testing.assert_frame_equal(table, changes_of(results.sample(frac=1, random_state=1)))


def test_a_missing_split_is_missing_and_not_significant():
    results = tiny_results()
    table = changes_of(results[results["split"] != "benign"], split="benign")
    assert len(table) == 2 * len(TESTED)
    assert (table[["before", "after", "n", "n_prompts", "n_clusters", "n_styles"]] == 0).all(axis=None)
    assert table[NUMBERS].isna().all(axis=None)


def test_a_steered_point_without_its_baseline_is_missing():
    results = tiny_results()
    table = changes_of(results[results["alpha"] != 0])
    assert set(table["n"]) == {0}
    assert table[NUMBERS].isna().all(axis=None)
    # The prompts are there all the same.
    assert set(table["n_prompts"]) == {3}


def test_one_cluster_has_a_p_and_no_interval():
    results = points("harm_test", before={}, after={0.5: dict.fromkeys(range(10), 1)}, cluster_of=lambda _: "one")
    (row,) = changes_of(results, split="harm_test", outcome="refusal").to_dict("records")
    assert (row["difference"], row["p"], row["n_clusters"]) == (1.0, 1.0, 1)
    assert np.isnan([row["low"], row["high"]]).all()


@pytest.mark.parametrize("alphas", [[], [0.0]])
def test_without_a_steered_point_there_are_no_tests(alphas):
    results = tiny_results()
    table = changes_of(results[results["alpha"].isin(alphas)])
    assert table.columns.tolist() == TESTS_COLUMNS
    assert table.empty
