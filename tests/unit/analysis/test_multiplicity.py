import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from steering_reliability.analysis import multiplicity
from steering_reliability.analysis.multiplicity import TESTS_COLUMNS, holm, mcnemar_p
from steering_reliability.analysis.statistics import newcombe_paired_interval
from steering_reliability.analysis.summary import SUMMARY_INPUTS
from synthetic_run import completion, realistic_results, tiny_results


def points(split, *, before, after, samples=1):
    """Build ten prompts and two strengths; how many samples of each prompt refuse at 0 and at each strength."""
    return pd.DataFrame(
        completion(split, prompt, refused=sample < refusals.get(prompt, 0), alpha=alpha) | {"sample": sample}
        for alpha, refusals in {0.0: before, **after}.items()
        for prompt in range(10)
        for sample in range(samples)
    )


def rows_of(results, **chosen):
    table = multiplicity.tests_table(results)
    for key, value in chosen.items():
        table = table[table[key] == value]
    return table


@pytest.mark.parametrize(("b", "c"), [(0, 1), (6, 0), (5, 5), (12, 2), (30, 31)])
def test_mcnemar_is_the_exact_binomial_test(b, c):
    assert mcnemar_p(b, second_only=c) == pytest.approx(binomtest(b, b + c).pvalue)


def test_mcnemar_by_hand():
    # 0 of 5: 2 / 32. 1 of 5: 2 * 6 / 32. Nothing differs: 1.
    assert mcnemar_p([0, 5, 1, 0], second_only=[5, 0, 4, 0]).tolist() == pytest.approx([0.0625, 0.0625, 0.375, 1.0])


def test_holm_by_hand():
    # In order 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1, each at least the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]


def test_holm_agrees_with_statsmodels():
    # multipletests(p, method="holm") of statsmodels 0.15.
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]
    expected = [0.008, 0.056, 0.234, 0.234, 0.234, 0.234, 0.234, 0.234]
    assert holm(p).tolist() == pytest.approx(expected)


def test_holm_corrects_within_families_and_passes_over_missing_tests():
    corrected = holm([0.01, np.nan, 0.02, 0.03], families=["a", "a", "a", "b"])
    assert corrected.tolist() == pytest.approx([0.02, np.nan, 0.02, 0.03], nan_ok=True)
    assert holm([]).size == 0


def test_one_sample_per_prompt_is_mcnemar_with_newcombes_interval():
    results = points("harm_test", before={0: 1}, after={0.5: dict.fromkeys(range(1, 8), 1), 1.0: {0: 1, 1: 1}})
    row = rows_of(results, split="harm_test", outcome="refusal", alpha=0.5).iloc[0]
    assert (row["n"], row["steered_only"], row["baseline_only"]) == (10, 7, 1)
    assert row[["difference", "low", "high"]].tolist() == pytest.approx(list(newcombe_paired_interval(0, 7, 1, 2)))
    # 2 * (1 + 8) / 256, and twice that for two strengths.
    assert (row["p"], row["p_holm"]) == pytest.approx((0.0703125, 0.140625))


def test_several_samples_are_reduced_to_the_sign_of_each_prompts_difference():
    after = {0: 3, 1: 1, 2: 2, 3: 2, 4: 0, 5: 1}
    results = points("harm_test", before={4: 1, 5: 1}, after={0.5: after}, samples=3)
    row = rows_of(results, split="harm_test", outcome="refusal").iloc[0]
    # Prompts 0 to 3 rise, 4 falls, 5 stays; 7 more of 30 completions: 9 - 2.
    assert (row["n"], row["steered_only"], row["baseline_only"]) == (10, 4, 1)
    assert row["difference"] == pytest.approx(7 / 30)
    assert row["p"] == pytest.approx(0.375)


def test_each_split_and_outcome_is_a_family_of_its_own():
    results = realistic_results()
    table = multiplicity.tests_table(results[SUMMARY_INPUTS])
    assert table.columns.tolist() == TESTS_COLUMNS
    assert set(table["role"]) == {"main"}
    assert (table["alpha"] != 0).all()
    families = table.groupby(["split", "outcome"])
    assert families.size().tolist() == [3 * 9] * 6
    for _, family in families:
        smallest = family.loc[family["p"].idxmin()]
        assert smallest["p_holm"] == pytest.approx(min(27 * smallest["p"], 1))
    assert (table["p_holm"] >= table["p"]).all()


def test_a_run_without_steered_points_has_no_tests():
    results = tiny_results()
    table = multiplicity.tests_table(results[results["alpha"] == 0])
    assert table.columns.tolist() == TESTS_COLUMNS
    assert table.empty


def test_a_missing_split_is_missing_and_not_significant():
    results = tiny_results()
    table = rows_of(results[results["split"] != "benign"], split="benign")
    assert len(table) == 4
    assert (table["n"] == 0).all()
    assert table[["difference", "low", "high", "p", "p_holm"]].isna().all(axis=None)
