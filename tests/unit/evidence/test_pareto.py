"""The frontier, how sure it is, and the recommended point."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.pareto import (
    choosing_rate,
    frontier_shares,
    on_pareto_frontier,
    pareto_table,
    recommended_point,
)
from steering_reliability.evidence.summary import summarise, summarise_pairs
from steering_reliability.results.schema import POINT_KEYS
from synthetic_run import completion, realistic_results

NAN = float("nan")


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        #  (gain, cost): a point is on the frontier unless another beats it.
        ([(0.1, 0.0), (0.5, 0.2), (0.4, 0.3), (0.9, 0.6), (0.5, 0.1)], [1, 0, 0, 1, 1]),
        # Equal points share their fate, and rates that differ by rounding are equal.
        ([(0.5, 0.1), (0.5, 0.1), (0.5, 0.2), (0.4, 0.1)], [1, 1, 0, 0]),
        ([(0.1 + 0.2, 0.0), (0.3, 0.0)], [1, 1]),
        ([(NAN, 0.0), (0.2, NAN), (0.1, 0.5)], [0, 0, 1]),
    ],
)
def test_the_frontier_by_hand(points, expected):
    gain, cost = np.array(points).T
    assert on_pareto_frontier(gain=gain, cost=cost).tolist() == [bool(flag) for flag in expected]


def test_many_sets_at_once_agree_with_the_definition_point_by_point():
    generator = np.random.default_rng(0)
    gain, cost = generator.integers(0, 6, size=(2, 200, 9)) / 6
    gain[generator.random(gain.shape) < 0.1] = NAN
    cost[generator.random(cost.shape) < 0.1] = NAN
    known = np.isfinite(gain) & np.isfinite(cost)
    expected = [
        [
            bool(is_known and not any(a >= g and b <= c and (a > g or b < c) for a, b in points))
            for (g, c), is_known in zip(points, here, strict=True)
        ]
        for points, here in zip(np.stack([gain, cost], axis=-1), known, strict=True)
    ]
    assert on_pareto_frontier(gain=gain, cost=cost).tolist() == expected


def run(refusing):
    """Build a study in which steering costs nothing: alpha to the harm_test prompts of ten that refuse there."""
    return pd.DataFrame(
        completion(split, index, refused=split == "harm_test" and index in steered, alpha=alpha)
        for alpha, steered in refusing.items()
        for split in ("harm_test", "benign")
        for index in range(10)
    )


def shares_of(results, **options):
    prompts = count_clusters(with_outcomes(results[results["role"] == "main"]), unit="id")
    return pd.Series(frontier_shares(prompts, **options), index=prompts.points)


def test_a_point_ahead_by_one_prompt_is_alone_when_that_prompt_is_drawn():
    shares = shares_of(run({0.0: [], 0.2: range(5), 0.4: range(6)}), seed=1).droplevel(POINT_KEYS[:-1])
    assert shares[0.4] == 1.0
    # Prompt 5 is left out of a resample of 10 with chance 0.9^10; then the two points are equal.
    assert shares[0.2] == pytest.approx(0.9**10, abs=0.02)
    # The baseline ties with both when none of prompts 0 to 5 is drawn.
    assert shares[0.0] == pytest.approx(0.4**10, abs=0.002)


def test_the_table_has_the_frontier_with_its_shares_and_the_baseline_once_under_no_condition():
    results = run({0.0: [], 0.2: range(5), 0.4: range(3)})
    # Steering costs the help of one benign prompt.
    results["is_helpful"] &= ~((results["id"] == "benign_0000") & (results["alpha"] > 0))
    rows = with_outcomes(pd.concat([results, results.assign(layer="5")]))
    prompts = count_clusters(rows, unit="id")
    frontier = pareto_table(summarise_pairs(rows), prompts=prompts, seed=3)
    assert frontier["intervention"].tolist() == ["none", "add", "add"]
    assert frontier["layer"].isna().tolist() == [True, False, False]
    assert frontier["helpfulness_drop"].tolist() == pytest.approx([0.0, 0.1, 0.1])
    shares = pd.Series(frontier_shares(prompts, seed=3), index=prompts.points).xs("14", level="layer")
    assert frontier["frontier_share"].tolist()[:2] == shares[:2].tolist()
    # Where benign prompt 0 is not drawn steering costs nothing and beats the baseline.
    assert frontier["frontier_share"][0] == pytest.approx(1 - 0.9**10, abs=0.02)


def summary(*points, seen=False):
    """Build a summary of (alpha, clean refusal on harm_train, drop), of the direction set where it is `seen`."""
    rows = [
        {"role": "main", "direction": "v", "intervention": "add", "layer": "3", "seed": 0, "alpha": alpha,
         "relative_strength": alpha, "from_baseline": alpha == 0.0, "helpfulness_drop": drop,
         "clean_refusal_harm_train": NAN if seen else clean, "clean_refusal_harm_train_seen": clean if seen else NAN,
         "clean_refusal_harm_train_seen_n": 20 if seen else 0, "refusal_harm_test": 0.5, "on_pareto": True}
        for alpha, clean, drop in points
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize(
    ("points", "alpha"),
    [
        # The most refusal that is affordable.
        ([(0.0, 0.05, 0.0), (0.2, 0.3, 0.1), (0.4, 0.6, 0.2), (0.6, 0.9, 0.5)], 0.4),
        # A fifth but for rounding.
        ([(0.2, 0.3, 0.1), (0.4, 0.6, 0.9 - 0.7)], 0.4),
        # The cheapest where none is affordable.
        ([(0.4, 0.6, 0.4), (0.6, 0.9, 0.3), (0.8, 0.95, 0.3)], 0.6),
        # Ties go to the smaller drop, then to the weaker steering.
        ([(0.3, 0.5, 0.1), (0.4, 0.5, 0.05)], 0.4),
        ([(-0.6, 0.5, 0.1), (0.3, 0.5, 0.1)], 0.3),
    ],
)
def test_the_recommended_point(points, alpha, seen):
    assert recommended_point(summary(*points, seen=seen))["alpha"] == alpha


def test_the_direction_set_chooses_where_it_is_known():
    table = summary((0.2, 0.3, 0.1), (0.4, 0.6, 0.1))
    by_all = table.assign(clean_refusal_harm_train_seen=[0.9, 0.1], clean_refusal_harm_train_seen_n=[20, 20])
    assert choosing_rate(table) == "clean_refusal_harm_train"
    assert choosing_rate(by_all) == "clean_refusal_harm_train_seen"
    assert (recommended_point(table)["alpha"], recommended_point(by_all)["alpha"]) == (0.4, 0.2)


def test_the_choice_does_not_look_at_harm_test():
    results = realistic_results()
    best = recommended_point(summarise(results))
    rows = results["split"] == "harm_test"
    flipped = results.assign(
        is_refusal=results["is_refusal"] ^ (rows & (results["alpha"] == best["alpha"])),
        is_degenerate=results["is_degenerate"] | rows,
    )
    again, without = (recommended_point(summarise(other)) for other in (flipped, results[~rows]))
    for key in POINT_KEYS:
        assert best[key] == again[key] == without[key]


def test_checks_are_never_recommended_and_nothing_without_a_steered_point():
    table = summary((0.2, 0.3, 0.1), (0.4, 0.6, 0.1))
    assert recommended_point(table.assign(role=["main", "random"]))["alpha"] == 0.2
    for none in ([(0.0, 0.05, 0.0)], [(0.5, NAN, 0.0)], [(0.5, 0.4, NAN)]):
        assert recommended_point(summary(*none)) is None
    assert recommended_point(table.head(0)) is None
