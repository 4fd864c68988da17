import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.cluster_intervals import PairedCounts
from steering_reliability.analysis.clusters import (
    CLUSTERED_COLUMNS,
    clustered_difference,
    clustered_rate,
    clustered_table,
)
from steering_reliability.analysis.summary import SUMMARY_INPUTS, summarise
from synthetic_run import completion, realistic_results, tiny_results

KEYS = ["quantity", "split"]


@pytest.fixture(scope="module")
def realistic():
    return realistic_results()


@pytest.fixture(scope="module")
def table(realistic):
    return clustered_table(realistic[[*SUMMARY_INPUTS, "family"]], resamples=500)


def two_samples(split, *, before, after):
    """Build nine prompts in three families, two samples each; how many of the two refuse, per prompt."""
    return pd.DataFrame(
        completion(split, prompt, refused=sample < refusals[prompt], alpha=alpha) | {"sample": sample}
        for alpha, refusals in ((0.0, before), (0.5, after))
        for prompt in range(9)
        for sample in range(2)
    )


def test_one_row_per_point_quantity_and_split(table):
    assert table.columns.tolist() == CLUSTERED_COLUMNS
    points = 3 * (8 + 3)
    assert table.groupby("quantity").size().to_dict() == {
        **{"refusal": 3 * points, "helpful": 3 * points, "refusal_effect": 3 * points},
        **{"helpfulness_drop": points, "gap": points, "effect_gap": points},
    }
    assert set(table["role"]) == {"main"}
    assert set(table.loc[table["quantity"].isin(["gap", "effect_gap"]), "split"]) == {""}


def test_values_are_the_summarys_and_with_one_sample_so_are_the_intervals_by_prompt(table, realistic):
    keys = ["intervention", "layer", "alpha"]
    summary = summarise(realistic)
    summary = summary[summary["role"] == "main"].set_index(keys).sort_index()
    for quantity, split, column in [
        ("refusal", "harm_train", "refusal_harm_train"), ("helpful", "benign", "helpful_benign"),
        ("refusal_effect", "harm_test", "refusal_effect_harm_test"), ("helpfulness_drop", "benign", "helpfulness_drop"),
        ("gap", "", "gap"),
    ]:  # fmt: skip
        own = table[(table["quantity"] == quantity) & (table["split"] == split)].set_index(keys).sort_index()
        expected = summary[[column, f"{column}_low", f"{column}_high"]].to_numpy()
        assert own[["value", "prompt_low", "prompt_high"]].to_numpy() == pytest.approx(expected), quantity
    gaps = table[table["quantity"] == "effect_gap"].set_index(keys).sort_index()
    assert gaps["value"].to_numpy() == pytest.approx(summary["effect_gap"].to_numpy())


def test_clusters_by_hand():
    before, after = [0, 0, 0, 0, 0, 0, 1, 0, 2], [2, 0, 1, 2, 0, 0, 2, 0, 2]
    table = clustered_table(two_samples("harm_test", before=before, after=after), resamples=100)
    steered = table[table["alpha"] == 0.5].set_index(KEYS)
    rate = steered.loc[("refusal", "harm_test")]
    # Prompt i is in family i modulo 3.
    by_prompt, by_family = clustered_rate(after, sizes=2), clustered_rate([6, 0, 3], sizes=6)
    assert rate[["value", "prompt_low", "prompt_high"]].tolist() == pytest.approx([float(part) for part in by_prompt])
    assert rate[["value", "family_low", "family_high"]].tolist() == pytest.approx([float(part) for part in by_family])
    assert (rate["n"], rate["n_prompts"], rate["n_families"]) == (18, 9, 3)
    effect = steered.loc[("refusal_effect", "harm_test")]
    pairs = PairedCounts(*np.array([[1, 0, 2], [5, 0, 1], [0, 0, 0], [0, 6, 3]], dtype=float))
    expected = [float(part) for part in clustered_difference(pairs)]
    assert effect[["value", "family_low", "family_high"]].tolist() == pytest.approx(expected)


def test_the_baseline_differs_from_itself_by_nothing(table):
    own = table[(table["alpha"] == 0) & table["quantity"].isin(["refusal_effect", "helpfulness_drop", "effect_gap"])]
    assert (own[["value", "prompt_low", "prompt_high", "family_low", "family_high"]] == 0).all(axis=None)


def test_a_missing_split_is_missing_and_not_zero():
    results = tiny_results()
    table = clustered_table(results[results["split"] == "harm_test"], resamples=100).set_index(KEYS)
    missing = table.loc[[("refusal", "benign"), ("refusal_effect", "harm_train"), ("gap", ""), ("effect_gap", "")]]
    assert (missing[["n", "n_prompts", "n_families"]] == 0).all(axis=None)
    assert missing[["value", "prompt_low", "family_high"]].isna().all(axis=None)


def test_a_run_without_the_study_has_no_rows(realistic):
    table = clustered_table(realistic[realistic["role"] == "random"])
    assert table.columns.tolist() == CLUSTERED_COLUMNS
    assert table.empty


def test_without_families_there_is_no_interval_by_family(realistic):
    table = clustered_table(realistic.assign(family=None), resamples=100)
    assert table[["family_low", "family_high"]].loc[table["alpha"] != 0].isna().all(axis=None)
    assert (table["n_families"] == 0).all()
    assert table["prompt_low"].notna().all()


def test_the_seed_and_not_the_order_of_the_rows_decides(realistic):
    shuffled = realistic.sample(frac=1, random_state=1)
    first = clustered_table(realistic, seed=3, resamples=100)
    pd.testing.assert_frame_equal(first, clustered_table(shuffled, seed=3, resamples=100))
    assert not first.equals(clustered_table(realistic, seed=4, resamples=100))
