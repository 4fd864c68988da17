import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.pareto import choosing_rate, on_pareto_frontier, pareto_table, recommended_point
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.schema import POINT_KEYS
from synthetic_run import realistic_results

NAN = float("nan")


def flags(points):
    gain, cost = (np.array(values, dtype=float) for values in zip(*points, strict=True))
    return on_pareto_frontier(gain=gain, cost=cost).tolist()


def test_a_point_is_on_the_frontier_unless_another_beats_it():
    #            gain, cost
    assert flags([(0.1, 0.0), (0.5, 0.2), (0.4, 0.3), (0.9, 0.6), (0.5, 0.1)]) == [True, False, False, True, True]


def test_equal_points_share_their_fate():
    assert flags([(0.5, 0.1), (0.5, 0.1), (0.5, 0.2), (0.4, 0.1)]) == [True, True, False, False]


def test_rates_that_differ_by_rounding_are_equal():
    assert flags([(0.1 + 0.2, 0.0), (0.3, 0.0)]) == [True, True]


def test_a_missing_coordinate_is_never_on_the_frontier():
    assert flags([(NAN, 0.0), (0.2, NAN), (0.1, 0.5)]) == [False, False, True]


@pytest.mark.parametrize("seed", range(5))
def test_the_definition_point_by_point(seed):
    points = np.random.default_rng(seed).integers(0, 8, size=(40, 2)) / 8
    expected = [not any(g >= gain and c <= cost and (g > gain or c < cost) for g, c in points) for gain, cost in points]
    assert flags(points) == expected


def summary(*points, seen=False):
    """Build a summary of (alpha, clean refusal on harm_train, drop), chosen by the prompts that built the direction."""
    rows = [
        {"role": "main", "direction": "v", "intervention": "add", "layer": 3, "seed": 0, "alpha": alpha,
         "relative_strength": alpha, "from_baseline": alpha == 0.0, "helpfulness_drop": drop,
         "clean_refusal_harm_train": NAN if seen else clean, "clean_refusal_harm_train_seen": clean if seen else NAN,
         "clean_refusal_harm_train_seen_n": 20 if seen else 0, "refusal_harm_test": 0.5, "on_pareto": True}
        for alpha, clean, drop in points
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seen", [True, False])
def test_recommended_is_the_most_refusal_that_is_affordable(seen):
    table = summary((0.0, 0.05, 0.0), (0.2, 0.3, 0.1), (0.4, 0.6, 0.2), (0.6, 0.9, 0.5), seen=seen)
    assert recommended_point(table)["alpha"] == 0.4


def test_a_drop_that_is_a_fifth_but_for_rounding_is_affordable():
    assert recommended_point(summary((0.2, 0.3, 0.1), (0.4, 0.6, 0.9 - 0.7)))["alpha"] == 0.4
    assert 0.9 - 0.7 > 0.2


def test_recommended_is_the_cheapest_where_none_is_affordable():
    assert recommended_point(summary((0.4, 0.6, 0.4), (0.6, 0.9, 0.3), (0.8, 0.95, 0.3)))["alpha"] == 0.6


def test_ties_go_to_the_smaller_drop_and_then_to_the_weaker_steering():
    assert recommended_point(summary((0.3, 0.5, 0.1), (0.4, 0.5, 0.05)))["alpha"] == 0.4
    assert recommended_point(summary((-0.6, 0.5, 0.1), (0.3, 0.5, 0.1)))["alpha"] == 0.3


def test_the_prompts_that_built_the_direction_choose_where_they_are_known():
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


def test_checks_are_never_recommended():
    table = summary((0.2, 0.3, 0.1), (0.4, 0.6, 0.1))
    assert recommended_point(table.assign(role=["main", "random"]))["alpha"] == 0.2


def test_nothing_is_recommended_without_a_steered_point():
    assert recommended_point(summary((0.0, 0.05, 0.0))) is None
    assert recommended_point(summary((0.5, NAN, 0.0))) is None
    assert recommended_point(summary((0.5, 0.4, NAN))) is None
    assert recommended_point(summary((0.5, 0.4, 0.1)).head(0)) is None


def test_the_baseline_is_listed_once_and_under_no_condition():
    table = summary((0.0, 0.05, 0.0), (0.4, 0.6, 0.2), (0.6, 0.3, 0.3)).assign(on_pareto=[True, True, False])
    table = pd.concat([table, table.assign(layer=5)], ignore_index=True)
    frontier = pareto_table(table)
    assert frontier["intervention"].tolist() == ["none", "add", "add"]
    assert frontier["layer"].isna().tolist() == [True, False, False]
    assert frontier["helpfulness_drop"].tolist() == [0.0, 0.2, 0.2]
