import math

import pytest
from steering_reliability.analysis.condition import Condition, placed, read_statistics, relative_strength
from steering_reliability.errors import InputError


def condition(**changes):
    usual = {"role": "main", "direction": "v", "intervention": "add", "layer": 3, "alpha": 0.5, "seed": 0,
             "coefficient": 20.0, "shards": {}, "statistics": "layer_3.json"}  # fmt: skip
    return Condition(**{**usual, **changes})


def test_add_is_relative_to_the_residual_norm():
    assert relative_strength(condition(), statistics={"resid_norm": 40.0}) == 0.5


@pytest.mark.parametrize("coefficient", [20.0, -20.0])
def test_add_has_the_sign_of_alpha(coefficient):
    steered = condition(alpha=-0.5, coefficient=coefficient)
    assert relative_strength(steered, statistics={"resid_norm": 40.0}) == -0.5


def test_ablate_takes_away_the_projection():
    steered = condition(intervention="ablate", alpha=0.5, coefficient=0.5)
    assert relative_strength(steered, statistics={"resid_norm": 40.0, "mean_abs_projection": 8.0}) == 0.1


def test_a_missing_statistic_is_missing():
    assert math.isnan(relative_strength(condition(intervention="ablate"), statistics={"resid_norm": 40.0}))
    assert math.isnan(relative_strength(condition(), statistics={}))


def test_alpha_0_has_no_shard():
    with pytest.raises(ValueError, match="baseline"):
        condition(alpha=0.0)


@pytest.mark.parametrize("content", [None, "{", "3"])
def test_damaged_statistics_are_one_message(tmp_path, content):
    path = tmp_path / "layer_3.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"layer_3\.json"):
        read_statistics(path)


def test_the_files_of_a_condition_lie_below_the_folder_of_the_job():
    planned = {"shards": {"benign": "results/run/benign.jsonl"}, "statistics": "results/run/layer_1.json", "alpha": 1.0}
    assert placed(planned, below="stored/") == {
        "shards": {"benign": "stored/results/run/benign.jsonl"},
        "statistics": "stored/results/run/layer_1.json",
        "alpha": 1.0,
    }
    assert placed(planned, below="") == planned
