"""Every steered point against the baseline, its gap of effects, and layers against each other."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.grid_tests import (
    GAP_COLUMNS,
    LAYER_COLUMNS,
    TESTED,
    TESTS_COLUMNS,
    gap_tests,
    layer_differences,
    study_of,
)
from steering_reliability.results.schema import POINT_KEYS, SPLITS
from steering_reliability.statistics.cluster_intervals import PairedCounts, clustered_difference, share_gap
from steering_reliability.statistics.cluster_tests import effect_gap_p
from steering_reliability.statistics.intervals import difference_of_estimates, newcombe_paired_interval
from synthetic_run import completion, realistic_results, tiny_results

ENDS = ["difference", "low", "high"]
GAP_ENDS = ["effect_gap", "low", "high"]
NUMBERS = [*ENDS, "p", "styles_low", "styles_high"]


def floats(estimate):
    return [float(part) for part in estimate]


def split(name="harm_test", *, before=(), after=(), n=40, samples=1, layer="14", alphas=(0.0, 0.5), **labels):
    """Build some prompts of a split: which refuse unsteered and which steered."""
    return [
        completion(name, index, refused=index in refused, alpha=alpha) | {"sample": sample, "layer": layer} | labels
        for alpha, refused in zip((0.0, 0.5), (before, after), strict=True)
        if alpha in alphas
        for index in range(n)
        for sample in range(samples)
    ]


def in_templates(rows, size):
    return [row | {"cluster": str(int(row["id"][-4:]) // size)} for row in rows]


def frame(*parts):
    return pd.concat([pd.DataFrame(part) for part in parts])


def changes_of(*parts, **chosen):
    table = study_of(frame(*parts)).tests
    for key, value in chosen.items():
        table = table[table[key] == value]
    return table


def row_of(*parts, **chosen):
    (row,) = changes_of(*parts, split="harm_test", outcome="refusal", **chosen).to_dict("records")
    return row


def gaps_of(*parts):
    study = study_of(frame(*parts))
    return gap_tests(study.counts, styles=study.styles)


def gap_of(*parts, prompts="all", outcome="clean_refusal"):
    table = gaps_of(*parts)
    return table[(table["outcome"] == outcome) & (table["prompts"] == prompts)].iloc[0]


def layers_of(*parts, **options):
    return layer_differences(study_of(frame(*parts)).rows, **options)


def test_one_sample_per_prompt_is_mcnemar_with_newcombes_interval():
    row = row_of(split(before=[0], after=range(1, 8), n=10))
    assert [row[name] for name in ("before", "after", "n", "n_prompts", "n_clusters")] == [1, 7, 10, 10, 10]
    assert [row[name] for name in ENDS] == pytest.approx(floats(newcombe_paired_interval(0, 7, 1, 2)))
    # 7 begin and 1 stops: 2 * (1 + 8) / 256.
    assert row["p"] == pytest.approx(0.0703125)


def test_near_copies_are_one_unit():
    # Five clusters of two prompts each, of which four begin to refuse as a whole: 2 / 2^4, not 2 / 2^8.
    row = row_of(in_templates(split(after=range(8), n=10), 2))
    assert (row["n"], row["n_prompts"], row["n_clusters"]) == (10, 10, 5)
    assert row["p"] == pytest.approx(2 / 2**4)
    counts = PairedCounts(*np.array([[0] * 5, [2] * 4 + [0], [0] * 5, [0] * 4 + [2]], dtype=float))
    assert [row[name] for name in ENDS] == pytest.approx(floats(clustered_difference(counts)))


def test_samples_of_a_prompt_are_one_unit_and_all_count():
    # Refusals of each prompt among its three samples.
    before, after = {4: 1, 5: 1}, {0: 3, 1: 1, 2: 2, 3: 2, 5: 1}
    rows = [
        completion("harm_test", prompt, refused=sample < refusals.get(prompt, 0), alpha=alpha) | {"sample": sample}
        for alpha, refusals in ((0.0, before), (0.5, after))
        for prompt in range(10)
        for sample in range(3)
    ]
    row = row_of(rows)
    assert [row[name] for name in ("before", "after", "n", "n_prompts", "n_clusters")] == [2, 9, 30, 10, 10]
    assert row["difference"] == pytest.approx(7 / 30)
    # Changes 3, 1, 2, 2, -1 sum to 7. Of the 32 patterns those are as far from 0 in which none or one of the two ones
    # is negative (9, 7, 7), and their reverses.
    assert row["p"] == pytest.approx(6 / 32)


def test_the_interval_for_other_styles_holds_the_one_for_other_prompts():
    # Styles 0 and 1 have three prompts, 2 and 3 two: changes 2/3, 1/3, 1/2, 1/2 have less spread than the prompts.
    row = row_of(split(after=range(5), n=10))
    assert row["n_styles"] == 4
    assert (row["styles_low"], row["styles_high"]) == (row["low"], row["high"])
    # Where styles differ as much as they can it is the wider one: 1, 0, 1, 0, and Student's quantile 3.182446.
    row = row_of(split(after=range(0, 10, 2), n=10))
    assert (row["styles_low"], row["styles_high"]) == pytest.approx((0.5 - 3.182446 * np.sqrt(1 / 12), 1.0), rel=1e-6)


def test_the_outcomes_are_told_apart():
    results = frame(split("benign", after=[0, 1, 2], n=10))
    steered = results["alpha"] > 0
    results.loc[steered & results["id"].isin(["benign_0002", "benign_0003"]), "is_degenerate"] = True
    results.loc[steered & (results["id"] == "benign_0000"), "opens_with_refusal"] = False
    after = changes_of(results, split="benign").set_index("outcome")["after"]
    assert after[["refusal", "clean_refusal", "opening_refusal", "helpful"]].tolist() == [3, 2, 1, 7]


def test_every_table_has_its_rows_in_a_fixed_order():
    results = realistic_results()
    tables = [
        (changes_of(one), gaps_of(one), layers_of(one)) for one in (results, results.sample(frac=1, random_state=1))
    ]
    for table, again in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(table, again)
    tests, gaps, layers = tables[0]
    assert [table.columns.tolist() for table in tables[0]] == [TESTS_COLUMNS, GAP_COLUMNS, LAYER_COLUMNS]
    assert len(tests) == 3 * (7 + 2) * len(SPLITS) * len(TESTED)
    assert not tests.duplicated([*POINT_KEYS, "split", "outcome"]).any()
    assert len(gaps) == 3 * (7 + 2) * 6
    assert (tests["alpha"] != 0).all() and (gaps["alpha"] != 0).all()
    # Three layers give three pairs; 7 strengths of add and 2 of ablate.
    assert layers.groupby(["intervention", "alpha"]).size().tolist() == [3] * 9
    assert (layers["layer"] < layers["other_layer"]).all()


@pytest.mark.parametrize("alphas", [[], [0.0]])
def test_without_a_steered_point_there_are_no_tests(alphas):
    results = tiny_results()
    results = results[results["alpha"].isin(alphas)]
    for table, columns in (
        (changes_of(results), TESTS_COLUMNS), (gaps_of(results), GAP_COLUMNS), (layers_of(results), LAYER_COLUMNS)
    ):  # fmt: skip
        assert table.columns.tolist() == columns
        assert table.empty


def test_a_missing_split_is_missing_and_not_significant():
    table = changes_of(tiny_results().query("split != 'benign'"), split="benign")
    assert len(table) == 2 * len(TESTED)
    assert (table[["before", "after", "n", "n_prompts", "n_clusters", "n_styles"]] == 0).all(axis=None)
    assert table[NUMBERS].isna().all(axis=None)
    for part in (TRAIN, TEST):
        gap = gap_of(part)
        assert gap[[*GAP_ENDS, "p", "share_gap", "share_low", "styles_low", "styles_high"]].isna().all(axis=None)
    assert gap_of(TRAIN)[["n_train", "n_test", "clusters_test", "n_styles"]].tolist() == [40, 0, 0, 4]


def test_one_template_has_a_difference_and_no_interval():
    row = row_of(split(after=range(10), n=10, cluster="one"))
    assert (row["difference"], row["p"], row["n_clusters"]) == (1.0, 1.0, 1)
    assert np.isnan([row["low"], row["high"]]).all()
    row = gap_of(split("harm_train", before=range(4), after=range(24), cluster="one"), TEST)
    assert row["effect_gap"] == pytest.approx(0.4)
    assert np.isnan(row[["low", "high", "p", "share_low", "share_high"]].to_numpy(dtype=float)).all()
    row = layers_of(layer("10", range(12), cluster="one"), layer("14", range(4), cluster="one")).iloc[0]
    assert row[["difference", "p", "n_clusters"]].tolist() == [pytest.approx(8 / 20), 1.0, 1]
    assert np.isnan(row[["low", "high"]].to_numpy(dtype=float)).all()


# harm_train: 4 of 40 before, 24 after. harm_test: 8 before, 12 after.
TRAIN = split("harm_train", before=range(4), after=range(24))
TEST = split("harm_test", before=range(8), after=range(12))


def pairs(*, both, first_only, neither):
    cells = np.repeat(np.eye(4)[[0, 1, 3]], [both, first_only, neither], axis=0)
    return PairedCounts(*cells.T)


def test_the_gap_of_effects_subtracts_the_baseline():
    row = gap_of(TRAIN, TEST)
    counted = [f"{name}_{part}" for part in ("train", "test") for name in ("before", "after", "n", "clusters")]
    assert row[counted].tolist() == [4, 24, 40, 40, 8, 12, 40, 40]
    assert row[["effect_train", "effect_test"]].tolist() == pytest.approx([20 / 40, 4 / 40])
    effects = newcombe_paired_interval(4, 20, 0, 16), newcombe_paired_interval(8, 4, 0, 28)
    assert row[GAP_ENDS].tolist() == pytest.approx(floats(difference_of_estimates(*effects)))
    ends = [float(end) for effect in effects for end in effect[1:]]
    assert row[["train_low", "train_high", "test_low", "test_high"]].tolist() == pytest.approx(ends)
    first, second = pairs(both=4, first_only=20, neither=16), pairs(both=8, first_only=4, neither=28)
    assert row["p"] == pytest.approx(float(effect_gap_p(first, second=second)))
    assert row["p"] < 0.001
    # The same effects as shares of what was possible.
    assert row[["share_train", "share_test"]].tolist() == pytest.approx([20 / 36, 4 / 32])
    shares = floats(share_gap(first, second=second, direction=np.array(1.0)).gap)
    assert row[["share_gap", "share_low", "share_high"]].tolist() == pytest.approx(shares)


def test_prompts_in_the_direction_set_are_left_out_of_the_headline_gap():
    # The even ones built it, and all that changed are even.
    parts = split("harm_train", after=range(0, 40, 2)), split("harm_test")
    assert gap_of(*parts)["effect_gap"] == pytest.approx(0.5)
    held_out = gap_of(*parts, prompts="unseen")
    assert held_out[["effect_gap", "n_train", "clusters_train", "p"]].tolist() == [0.0, 20, 20, 1.0]
    # Where every prompt built the direction none is held out.
    row = gap_of(split("harm_train", after=range(9), builds_direction=True), TEST, prompts="unseen")
    assert row["n_train"] == 0
    assert np.isnan(row[["effect_gap", "p"]].to_numpy(dtype=float)).all()


def layer(number, refused, *, n=20, **labels):
    return split(after=refused, n=n, layer=number, alphas=(0.5,), **labels)


def test_two_layers_are_compared_prompt_by_prompt():
    # Layer 10 alone refuses 8 prompts, layer 14 alone none: p = 2 * (1/2)^8.
    (row,) = layers_of(layer("10", range(12)), layer("14", range(4))).to_dict("records")
    assert [row[name] for name in ("layer", "other_layer", "n", "n_clusters", "n_styles")] == ["10", "14", 20, 20, 4]
    assert [row[name] for name in ENDS] == pytest.approx(floats(newcombe_paired_interval(4, 8, 0, 8)))
    assert row["p"] == pytest.approx(2 / 2**8)
    # Two of the five prompts of each style changed: no spread of its own.
    assert (row["styles_low"], row["styles_high"]) == (row["low"], row["high"])
    thrice = layers_of(layer("10", range(12), samples=3), layer("14", range(4), samples=3)).iloc[0]
    assert thrice[["p", "n", "n_clusters"]].tolist() == [row["p"], 60, 20]
    # Two of five templates changed as a whole: 2 * (1/2)^2.
    alike = layers_of(in_templates([*layer("10", range(12)), *layer("14", range(4))], 4)).iloc[0]
    assert alike[["p", "n_clusters", "difference"]].tolist() == [0.5, 5, pytest.approx(8 / 20)]


def test_only_prompts_that_both_layers_have_count():
    (row,) = layers_of(layer("10", range(12)), layer("14", range(4), n=10)).to_dict("records")
    assert (row["n"], row["difference"], row["p"]) == (10, pytest.approx(6 / 10), pytest.approx(2 / 2**6))
    other = [row | {"id": f"other_{row['id']}"} for row in layer("14", range(4), n=5)]
    (row,) = layers_of(layer("10", range(12), n=5), other).to_dict("records")
    assert (row["n"], row["n_clusters"], row["n_styles"]) == (0, 0, 0)
    assert np.isnan([row[name] for name in NUMBERS]).all()
