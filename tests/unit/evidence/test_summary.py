import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise
from steering_reliability.results.tables import write_table
from steering_reliability.statistics.cluster_intervals import clustered_rate
from steering_reliability.statistics.intervals import (
    difference_of_estimates,
    newcombe_interval,
    newcombe_paired_interval,
)
from synthetic_run import completion, realistic_results, tiny_results

NAN = float("nan")


def rows(split, *, before, after, broken=()):
    """Build ten prompts: which refuse unsteered, which at alpha 0.5, and which of these are degenerate."""
    made = []
    for index in range(10):
        made.append(completion(split, index, refused=index in before))
        steered = completion(split, index, refused=index in after, alpha=0.5)
        degenerate = index in broken
        made.append({**steered, "is_degenerate": degenerate, "is_helpful": steered["is_helpful"] and not degenerate})
    return made


@pytest.fixture
def point():
    results = pd.DataFrame(
        rows("harm_train", before=[0, 1], after=[0, 1, 2, 3, 4, 5, 6, 7], broken=[7, 9])
        + rows("harm_test", before=[0], after=[1, 2, 3, 4])
        + rows("benign", before=[], after=[0], broken=[1, 2])
    )
    summary = summarise(results)
    assert summary["alpha"].tolist() == [0.0, 0.5]
    return summary.iloc[1]


def test_rates_by_hand(point):
    assert (point["refusal_harm_train"], point["refusal_harm_test"], point["refusal_benign"]) == (0.8, 0.4, 0.1)
    assert (point["clean_refusal_harm_train"], point["clean_refusal_harm_test"]) == (0.7, 0.4)
    assert (point["degenerate_harm_train"], point["degenerate_harm_test"], point["degenerate_benign"]) == (0.2, 0, 0.2)
    assert point["helpful_benign"] == 0.7
    assert point["refusal_harm_test_n"] == 10
    expected = binomtest(4, 10).proportion_ci(method="wilson")
    assert (point["refusal_harm_test_low"], point["refusal_harm_test_high"]) == pytest.approx(expected)


def test_drop_and_effects_are_paired(point):
    assert point["helpfulness_drop"] == pytest.approx(0.3)
    value, low, high = newcombe_paired_interval(0, 3, 0, 7)
    assert (point["helpfulness_drop_low"], point["helpfulness_drop_high"]) == pytest.approx((low, high))
    # harm_test: prompt 0 stops refusing, 1 to 4 begin, 5 to 9 never do.
    value, low, high = newcombe_paired_interval(0, 4, 1, 5)
    found = (point["refusal_effect_harm_test"], point["refusal_effect_harm_test_low"],
             point["refusal_effect_harm_test_high"])  # fmt: skip
    assert found == pytest.approx((value, low, high))


def test_gaps_by_hand(point):
    assert point["gap"] == pytest.approx(0.4)
    assert (point["gap_low"], point["gap_high"]) == pytest.approx(newcombe_interval(8, 10, 4, 10)[1:])
    # Of clean refusals harm_train goes from 0, 1 to 0 to 6 (7 and 9 are broken) and harm_test from 0 to 1 to 4.
    effects = newcombe_paired_interval(2, 5, 0, 3), newcombe_paired_interval(0, 4, 1, 5)
    expected = [float(part) for part in difference_of_estimates(*effects)]
    assert point[["effect_gap", "effect_gap_low", "effect_gap_high"]].tolist() == pytest.approx(expected)
    assert point["effect_gap"] == pytest.approx(0.5 - 0.3)
    assert (point["refusal_effect_harm_train"], point["clean_refusal_effect_harm_train"]) == pytest.approx((0.6, 0.5))
    assert point["refusal_effect_harm_test"] == point["clean_refusal_effect_harm_test"] == pytest.approx(0.3)


def test_harm_train_is_told_apart_by_whether_a_prompt_built_the_direction(point):
    # The even ones built it: 0, 2, 4, 6 of them refuse, and no broken one is even.
    seen = ["clean_refusal_harm_train_seen", "clean_refusal_harm_train_seen_n"]
    assert point[seen].tolist() == pytest.approx([4 / 5, 5])
    # Of the odd ones 1, 3, 5, 7 refuse, the last in broken text, where 1 did before.
    assert point[["refusal_harm_train_unseen", "refusal_harm_train_unseen_n"]].tolist() == pytest.approx([4 / 5, 5])
    assert point["gap_unseen"] == pytest.approx(4 / 5 - 0.4)
    assert point["effect_gap_unseen"] == pytest.approx(2 / 5 - 0.3)


def test_intervals_count_near_copies_as_one():
    results = pd.DataFrame(rows("harm_test", before=[], after=[0, 1, 2, 3]))
    alike = results.assign(cluster=(results["id"].str[-4:].astype(int) // 2).astype(str))
    apart, together = (summarise(table).iloc[1] for table in (results, alike))
    for name in ("refusal_harm_test", "clean_refusal_effect_harm_test"):
        assert together[name] == apart[name] == 0.4
        assert together[f"{name}_high"] - together[f"{name}_low"] > apart[f"{name}_high"] - apart[f"{name}_low"]
    # Two of five templates, copies of each other within: the design effect is two.
    expected = [float(end) for end in clustered_rate([2, 2, 0, 0, 0], sizes=2)[1:]]
    assert together[["refusal_harm_test_low", "refusal_harm_test_high"]].tolist() == pytest.approx(expected)
    # One template has rates and no interval.
    point = summarise(results.assign(cluster="one")).iloc[1]
    names = [f"{name}_harm_test{end}" for name in ("refusal", "clean_refusal_effect") for end in ("", "_low", "_high")]
    assert point[names].tolist() == pytest.approx([0.4, NAN, NAN, 0.4, NAN, NAN], nan_ok=True)


def test_the_baseline_differs_from_itself_by_nothing():
    first = summarise(tiny_results()).iloc[0]
    stems = ("helpfulness_drop", "refusal_effect_benign", "clean_refusal_effect_harm_test", "effect_gap")
    assert [first[f"{stem}{part}"] for stem in stems for part in ("", "_low", "_high")] == [0.0] * 12


def test_a_missing_split_is_missing_and_not_zero():
    results = tiny_results()
    point = summarise(results[results["split"] == "harm_test"]).iloc[-1]
    assert point["refusal_benign_n"] == 0
    missing = ["refusal_benign", "refusal_benign_low", "helpful_benign", "helpfulness_drop", "gap", "effect_gap_high"]
    missing += ["clean_refusal_effect_benign", "effect_gap_unseen", "clean_refusal_harm_train_seen"]
    assert np.isnan([point[name] for name in missing]).all()
    assert not point["on_pareto"]


def test_a_row_without_its_baseline_is_left_out_of_the_pairs():
    results = pd.DataFrame(rows("harm_test", before=[0], after=[0, 1]))
    orphan = ~((results["id"] == "harm_test_0001") & results["from_baseline"])
    point = summarise(results[orphan]).iloc[1]
    assert point["refusal_harm_test"] == 0.2
    assert point["refusal_effect_harm_test"] == 0.0


def test_only_the_study_is_on_the_frontier_and_checks_are_kept_apart():
    summary = summarise(realistic_results())
    assert set(summary.loc[summary["on_pareto"], "role"]) == {"main"}
    assert summary["role"].tolist() == sorted(summary["role"], key=["main", "alt_prefix", "alt_seed", "random"].index)
    assert len(summary) == 3 * 8 + 3 * 3 + 4 * 2


def test_the_order_of_the_rows_does_not_matter_and_only_the_named_columns_are_read(tmp_path):
    results = realistic_results()
    write_table(summarise(results), tmp_path / "a.csv")
    write_table(summarise(results[SUMMARY_INPUTS].sample(frac=1, random_state=3)), tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    none = summarise(results.head(0))
    assert none.columns.tolist() == summarise(results).columns.tolist()
    assert none.empty
