import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.pareto import on_pareto_frontier
from steering_reliability.evidence.pareto_frequency import on_frontiers, pareto_frequency
from synthetic_run import completion, realistic_results


def run(refusing, *, n=10, benign=10):
    """Build a study in which steering costs nothing: alpha to the harm_test prompts that refuse there."""
    rows = []
    for alpha, steered in refusing.items():
        rows += [completion("harm_test", index, refused=index in steered, alpha=alpha) for index in range(n)]
        rows += [completion("benign", index, refused=False, alpha=alpha) for index in range(benign)]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seed", range(5))
def test_many_sets_at_once_agree_with_the_definition_of_the_frontier(seed):
    generator = np.random.default_rng(seed)
    gain, cost = generator.integers(0, 6, size=(2, 50, 9)) / 6
    gain[generator.random(gain.shape) < 0.1] = np.nan
    cost[generator.random(cost.shape) < 0.1] = np.nan
    expected = [on_pareto_frontier(gain=g, cost=c).tolist() for g, c in zip(gain, cost, strict=True)]
    assert on_frontiers(gain=gain, cost=cost).tolist() == expected


def test_a_point_ahead_by_one_prompt_is_alone_when_that_prompt_is_drawn():
    table = pareto_frequency(run({0.0: [], 0.2: range(5), 0.4: range(6)}), seed=1).set_index("alpha")
    # Prompt 5 is left out of a resample of 10 with chance 0.9^10; then the two points are equal.
    assert table.loc[0.4, "frontier_share"] == 1.0
    assert table.loc[0.2, "frontier_share"] == pytest.approx(0.9**10, abs=0.02)
    # The baseline ties with both when none of prompts 0 to 5 is drawn.
    assert table.loc[0.0, "frontier_share"] == pytest.approx(0.4**10, abs=0.002)
    assert table["n"].tolist() == [10_000] * 3


def test_a_seed_gives_one_table_and_checks_are_left_out():
    results = realistic_results()
    table = pareto_frequency(results, n_resamples=500, seed=4)
    assert set(table["role"]) == {"main"}
    again = pareto_frequency(results.sample(frac=1, random_state=0), n_resamples=500, seed=4)
    pd.testing.assert_frame_equal(table, again)


def test_without_benign_answers_the_share_is_missing():
    results = run({0.0: [], 0.2: range(5)})
    table = pareto_frequency(results[results["split"] == "harm_test"], n_resamples=10)
    assert table["frontier_share"].isna().all()
    assert table["n"].tolist() == [0, 0]
