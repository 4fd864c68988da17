import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.halves import in_first_half
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.selection import selection_table
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.schema import POINT_KEYS
from synthetic_run import completion, realistic_results

N = 40
TRAIN, DROP = "clean_refusal_harm_train", "helpfulness_drop"


def run(refusing, unhelpful=None, *, builds=False):
    """Build a study: alpha to the harm_train prompts that refuse there, and to the benign ones that lose their help."""
    rows = []
    for alpha in (0.0, *refusing):
        steered, lost = refusing.get(alpha, ()), (unhelpful or {}).get(alpha, ())
        rows += [completion("harm_train", index, refused=index in steered, alpha=alpha) for index in range(N)]
        rows += [completion("benign", index, refused=index in lost, alpha=alpha) for index in range(N)]
    results = pd.DataFrame(rows)
    return results if builds else results.assign(builds_direction=False)


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
    assert np.isnan(table.loc[0.2, [f"selected_{TRAIN}", f"optimism_{DROP}"]].to_numpy(float)).all()


def test_the_halves_of_the_only_point_average_to_the_whole():
    # 15 of 40 prompts refuse and 4 lose their help: the two halves of 20 always average to 0.375 and 0.1.
    row = table_of(run({0.4: range(15)}, {0.4: range(4)}), n_halvings=25).loc[0.4]
    assert row[f"selected_{TRAIN}"] + row[f"reported_{TRAIN}"] == pytest.approx(2 * 15 / 40)
    assert row[f"selected_{DROP}"] + row[f"reported_{DROP}"] == pytest.approx(2 * 4 / 40)
    for name in (TRAIN, DROP):
        assert row[f"optimism_{name}"] == pytest.approx(row[f"selected_{name}"] - row[f"reported_{name}"])
        assert row[f"optimism_{name}_sd"] > 0


def test_the_best_of_many_equal_points_is_flattered_and_a_single_one_is_not():
    many, one = (table_of(chance(n_points), n_halvings=100) for n_points in (12, 1))
    assert np.average(many[f"optimism_{TRAIN}"].fillna(0), weights=many["n_selected"]) > 0.05
    # One point: nothing is chosen, so only the luck of 100 halvings is left, some 0.16 / 10.
    assert one[f"optimism_{TRAIN}"].tolist() == [pytest.approx(0, abs=0.05)]


def test_a_half_selects_what_is_recommended_on_its_own_completions():
    results = realistic_results(checks=False)
    summary = summarise(results)
    for seed in range(3):
        table = selection_table(results, summary=summary, seed=seed, n_halvings=1)
        (row,) = table[table["n_selected"] == 1].to_dict("records")
        ids = results[["split", "id", "cluster"]].drop_duplicates()
        built = results.loc[results["builds_direction"], "id"].unique()
        first = {}
        for _, own in ids[(ids["split"] != "harm_train") | ids["id"].isin(built)].groupby("split"):
            first |= dict(zip(own["id"], in_first_half(own, seed=seed), strict=True))
        side = results["id"].map(first)
        here, there = summarise(results[side.eq(True)]), summarise(results[side.eq(False)])
        best = recommended_point(here)
        assert [row[key] for key in POINT_KEYS] == [best[key] for key in POINT_KEYS]
        other = there[np.logical_and.reduce([there[key] == best[key] for key in POINT_KEYS])].iloc[0]
        for name in (TRAIN, DROP):
            assert row[f"selected_{name}"] == pytest.approx(best[name])
            assert row[f"reported_{name}"] == pytest.approx(other[name])


def test_only_prompts_that_built_the_direction_choose_where_any_did():
    # The even ones built it: they refuse at 0.2, the odd ones at 0.4.
    refusing = {0.2: range(0, N, 2), 0.4: range(1, N, 2)}
    by_built = table_of(run(refusing, builds=True), n_halvings=10)
    assert by_built["n_selected"].tolist() == [10, 0]
    assert by_built.loc[0.2, [f"selected_{TRAIN}", f"reported_{TRAIN}"]].tolist() == [1.0, 1.0]
    assert table_of(run(refusing), n_halvings=40)["n_selected"].min() > 0


def test_near_copies_are_never_on_both_sides():
    # Two templates of 20: the half with the one that refuses selects it, and the other half reports none.
    results = run({0.4: range(20)})
    results["cluster"] = np.where(results["id"].str[-4:].astype(int) < 20, "a", "b")
    row = table_of(results, n_halvings=12).loc[0.4]
    assert row[f"selected_{TRAIN}"] + row[f"reported_{TRAIN}"] == pytest.approx(1)
    assert row[f"selected_{TRAIN}"] * 12 == pytest.approx(round(row[f"selected_{TRAIN}"] * 12))


def test_harm_test_has_no_part_in_it():
    results = realistic_results(checks=False)
    without = results[results["split"] != "harm_test"]
    pd.testing.assert_frame_equal(table_of(results, n_halvings=5), table_of(without, n_halvings=5))


def test_a_seed_gives_one_table_whatever_the_order_of_the_rows():
    results = realistic_results(checks=False)
    again = results.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(table_of(results, n_halvings=10), table_of(again, n_halvings=10))
    assert not table_of(results, n_halvings=10).equals(table_of(results, n_halvings=10, seed=1))


def test_shares_of_the_points_add_up_to_one():
    assert table_of(chance(5), n_halvings=50)["selected_share"].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("split", ["harm_train", "benign"])
def test_without_one_of_the_splits_that_choose_nothing_is_selected(split):
    results = run({0.4: range(15)})
    table = table_of(results[results["split"] != split], n_halvings=3)
    assert table["n_selected"].tolist() == [0]
    assert table.filter(regex="^(selected|reported|optimism)_(clean|help)").isna().all(axis=None)


def test_a_study_without_steering_has_no_rows():
    assert table_of(run({}), n_halvings=3).empty
