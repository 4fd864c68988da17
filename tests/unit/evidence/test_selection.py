import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.selection import in_first_half, selection_table
from steering_reliability.evidence.summary import summarise, summarise_pairs
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
    rows = with_outcomes(results)
    return selection_table(rows, summary=summarise_pairs(rows), **options).set_index("alpha")


def test_the_halves_of_the_only_point_average_to_the_whole():
    # 15 of 40 prompts refuse and 4 lose their help: the two halves of 20 always average to 0.375 and 0.1.
    row = table_of(run({0.4: range(15)}, {0.4: range(4)}), n_splits=25).loc[0.4]
    assert row[f"selected_{TRAIN}"] + row[f"reported_{TRAIN}"] == pytest.approx(2 * 15 / 40)
    assert row[f"selected_{DROP}"] + row[f"reported_{DROP}"] == pytest.approx(2 * 4 / 40)
    for name in (TRAIN, DROP):
        assert row[f"optimism_{name}"] == pytest.approx(row[f"selected_{name}"] - row[f"reported_{name}"])
        assert row[f"optimism_{name}_sd"] > 0


def test_the_best_of_many_equal_points_is_flattered_and_a_single_one_is_not():
    many, one = (table_of(chance(n_points), n_splits=100) for n_points in (12, 1))
    assert np.average(many[f"optimism_{TRAIN}"].fillna(0), weights=many["n_selected"]) > 0.05
    # One point: nothing is chosen, so only the luck of 100 halvings is left, some 0.16 / 10.
    assert one[f"optimism_{TRAIN}"].tolist() == [pytest.approx(0, abs=0.05)]


def test_a_half_selects_what_is_recommended_on_its_own_completions():
    results = realistic_results(checks=False)
    for seed in range(2):
        table = table_of(results, seed=seed, n_splits=1).reset_index()
        (row,) = table[table["n_selected"] == 1].to_dict("records")
        ids = results[["split", "id", "cluster"]].drop_duplicates()
        built = results.loc[results["builds_direction"], "id"].unique()
        first = {}
        for _, own in ids[(ids["split"] != "harm_train") | ids["id"].isin(built)].groupby("split"):
            first |= dict(zip(own["id"], in_first_half(own["cluster"], seed=seed), strict=True))
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
    by_built = table_of(run(refusing, builds=True), n_splits=10)
    assert by_built["n_selected"].tolist() == [10, 0]
    assert by_built.loc[0.2, [f"selected_{TRAIN}", f"reported_{TRAIN}"]].tolist() == [1.0, 1.0]
    assert table_of(run(refusing), n_splits=40)["n_selected"].min() > 0


def test_near_copies_are_never_on_both_sides_and_the_first_half_is_the_larger():
    clusters = pd.Series([f"c{index // 2}" for index in range(10)])
    flags = pd.Series(in_first_half(clusters, seed=0))
    assert (flags.groupby(clusters).nunique() == 1).all()
    assert flags.sum() == 6
    shuffled = clusters.sample(frac=1, random_state=1)
    assert in_first_half(shuffled, seed=0).tolist() == flags[shuffled.index].tolist()
    assert len({in_first_half(clusters, seed=0, number=number).tobytes() for number in range(20)}) > 5


def test_a_seed_gives_one_table_whatever_the_order_of_the_rows_and_without_harm_test():
    results = realistic_results(checks=False)
    for again in (results.sample(frac=1, random_state=1), results[results["split"] != "harm_test"]):
        pd.testing.assert_frame_equal(table_of(results, n_splits=10), table_of(again, n_splits=10))
    assert not table_of(results, n_splits=10).equals(table_of(results, n_splits=10, seed=1))


@pytest.mark.parametrize("split", ["harm_train", "benign"])
def test_without_one_of_the_splits_that_choose_nothing_is_selected(split):
    results = run({0.4: range(15)})
    table = table_of(results[results["split"] != split], n_splits=3)
    assert table["n_selected"].tolist() == [0]
    assert table.filter(regex="^(selected|reported|optimism)_(clean|help)").isna().all(axis=None)
