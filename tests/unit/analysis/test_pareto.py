import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.pareto import on_pareto_frontier, pareto_table, recommended_point

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


def summary(*points):
    """Build a summary of (alpha, clean refusal, drop, on the frontier)."""
    rows = [
        {"role": "main", "direction": "v", "intervention": "add", "layer": 3, "seed": 0, "alpha": alpha,
         "relative_strength": alpha, "from_baseline": alpha == 0.0, "refusal_harm_test": clean,
         "clean_refusal_harm_test": clean, "helpfulness_drop": drop, "on_pareto": frontier}
        for alpha, clean, drop, frontier in points
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_recommended_is_the_most_refusal_that_is_affordable():
    table = summary((0.0, 0.05, 0.0, True), (0.2, 0.3, 0.1, True), (0.4, 0.6, 0.2, True), (0.6, 0.9, 0.5, True))
    assert recommended_point(table)["alpha"] == 0.4


def test_recommended_is_the_cheapest_where_none_is_affordable():
    table = summary((0.4, 0.6, 0.4, True), (0.6, 0.9, 0.3, True), (0.8, 0.2, 0.3, False))
    assert recommended_point(table)["alpha"] == 0.6


def test_recommended_prefers_the_frontier_then_the_weaker_steering():
    assert recommended_point(summary((0.3, 0.5, 0.1, False), (0.4, 0.4, 0.1, True)))["alpha"] == 0.4
    assert recommended_point(summary((-0.6, 0.5, 0.1, True), (0.3, 0.5, 0.1, True)))["alpha"] == 0.3


def test_nothing_is_recommended_without_a_steered_point():
    assert recommended_point(summary((0.0, 0.05, 0.0, True))) is None
    assert recommended_point(summary((0.5, NAN, 0.0, False))) is None


def test_the_baseline_is_listed_once_and_under_no_condition():
    table = summary((0.0, 0.05, 0.0, True), (0.4, 0.6, 0.2, True), (0.6, 0.3, 0.3, False))
    table = pd.concat([table, table.assign(layer=5)], ignore_index=True)
    frontier = pareto_table(table)
    assert frontier["intervention"].tolist() == ["none", "add", "add"]
    assert frontier["layer"].isna().tolist() == [True, False, False]
    assert frontier["helpfulness_drop"].tolist() == [0.0, 0.2, 0.2]
