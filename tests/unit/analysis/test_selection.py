import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.halves import rows_in_first_half
from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.selection import optimism_table, reported_on_other_half, selection_table
from steering_reliability.analysis.summary import summarise
from synthetic_run import completion, realistic_results

N = 40


def run(refusing, unhelpful=None):
    """Build a study: alpha to the harm_test prompts that refuse there, and to the benign ones that lose their help."""
    rows = []
    for alpha in (0.0, *refusing):
        steered, lost = refusing.get(alpha, ()), (unhelpful or {}).get(alpha, ())
        rows += [completion("harm_test", index, refused=index in steered, alpha=alpha) for index in range(N)]
        rows += [completion("benign", index, refused=index in lost, alpha=alpha) for index in range(N)]
    return pd.DataFrame(rows)


def chance(n_points, *, rate=0.5, seed=0):
    """Build points that all refuse at the same rate: whichever looks best does so by luck."""
    draws = np.random.default_rng(seed).random((n_points, N)) < rate
    return run({0.1 * (point + 1): set(np.flatnonzero(draws[point])) for point in range(n_points)})


def table_of(results, **options):
    return selection_table(results, summary=summarise(results), **options).set_index("alpha")


def test_the_better_of_two_is_always_selected_and_the_other_is_missing():
    table = table_of(run({0.2: range(5), 0.4: range(35)}), n_halvings=20)
    assert table["selected_share"].tolist() == [0.0, 1.0]
    assert table["n_selected"].tolist() == [0, 20]
    assert table["recommended"].tolist() == [False, True]
    assert np.isnan(table.loc[0.2, ["selected_refusal_harm_test", "optimism_helpfulness_drop"]].to_numpy(float)).all()


def test_the_halves_of_the_only_point_average_to_the_whole():
    # 15 of 40 prompts refuse and 4 lose their help: the two halves of 20 always average to 0.375 and 0.1.
    row = table_of(run({0.4: range(15)}, {0.4: range(4)}), n_halvings=25).loc[0.4]
    assert row["selected_refusal_harm_test"] + row["reported_refusal_harm_test"] == pytest.approx(2 * 15 / 40)
    assert row["selected_helpfulness_drop"] + row["reported_helpfulness_drop"] == pytest.approx(2 * 4 / 40)
    difference = row["selected_refusal_harm_test"] - row["reported_refusal_harm_test"]
    assert row["optimism_refusal_harm_test"] == pytest.approx(difference)


def test_the_best_of_many_equal_points_is_flattered_and_a_single_one_is_not():
    many, one = (
        optimism_table(chance(n_points), n_halvings=100).set_index("quantity").loc["refusal_harm_test"]
        for n_points in (12, 1)
    )
    assert many["optimism"] > 0.05
    # One point: nothing is chosen, so only the luck of 100 halvings is left, some 0.16 / 10.
    assert one["optimism"] == pytest.approx(0, abs=0.05)
    assert many["n"] == 100
    assert many["low"] < many["optimism"] < many["high"]


def test_a_half_selects_what_is_recommended_on_its_own_completions():
    results = realistic_results(checks=False)
    for halving in range(5):
        first = rows_in_first_half(results, seed=1, halving=halving)
        here, there = summarise(results[first]), summarise(results[~first])
        best = recommended_point(here)
        reported = reported_on_other_half(results, seed=1, halving=halving).set_index("quantity")
        keys = ["layer", "alpha", "intervention"]
        other = there[np.logical_and.reduce([there[key] == best[key] for key in keys])].iloc[0]
        assert [reported[key].iloc[0] for key in keys] == [best[key] for key in keys]
        row = reported.loc["refusal_harm_test"]
        assert (row["selected"], row["value"]) == (best["refusal_harm_test"], other["refusal_harm_test"])
        assert (row["low"], row["high"]) == (other["refusal_harm_test_low"], other["refusal_harm_test_high"])
        assert row["n"] == 30


def test_the_matrices_agree_with_the_summaries_of_the_halves():
    results = realistic_results(checks=False)
    many = optimism_table(results, seed=2, n_halvings=1).set_index("quantity")
    one = reported_on_other_half(results, seed=2).set_index("quantity")
    assert many["selected_half"].to_numpy() == pytest.approx(one["selected"].to_numpy())
    assert many["reported_half"].to_numpy() == pytest.approx(one["value"].to_numpy())
    assert many["optimism"].to_numpy() == pytest.approx(one["optimism"].to_numpy())


def test_a_seed_gives_one_table_whatever_the_order_of_the_rows():
    results = realistic_results(checks=False)
    again = results.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(table_of(results, n_halvings=10), table_of(again, n_halvings=10))


def test_shares_of_the_points_add_up_to_one():
    assert table_of(chance(5), n_halvings=50)["selected_share"].sum() == pytest.approx(1.0)


def test_without_benign_answers_nothing_is_selected():
    results = run({0.4: range(15)})
    table = table_of(results[results["split"] == "harm_test"], n_halvings=3)
    assert table["n_selected"].tolist() == [0]
    assert optimism_table(results[results["split"] == "harm_test"], n_halvings=3)["n"].tolist() == [0, 0, 0, 0]
    assert reported_on_other_half(results[results["split"] == "harm_test"]).empty


def test_a_study_without_steering_has_no_rows():
    assert table_of(run({}), n_halvings=3).empty
