import json
import math
from types import SimpleNamespace

import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.condition import (
    Condition,
    inputs_of,
    placed,
    placed_shards,
    read_statistics,
    relative_strength,
    with_coefficient,
)


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
    shards = {"benign": "results/run/benign.jsonl", "harm_test": "results/run/harm_test.jsonl"}
    assert placed_shards(shards, below="stored/")["harm_test"] == "stored/results/run/harm_test.jsonl"
    assert placed_shards(shards, below="") == shards


@pytest.fixture
def planned(tmp_path):
    """A condition as the rules plan it, whose direction is made."""
    path = tmp_path / "results/run/layer_3.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"resid_norm": 40.0, "vector_norm": 2.0}))
    usual = {"role": "main", "direction": "v", "intervention": "add", "layer": 3, "alpha": 0.5, "seed": 0}
    return usual | {"shards": {"benign": "results/run/benign.jsonl"}, "statistics": str(path)}


@pytest.mark.parametrize(
    ("intervention", "alpha_unit", "coefficient"),
    [("add", "unit", 1.0), ("add", "resid_norm", 20.0), ("ablate", "unit", 0.5), ("ablate", "resid_norm", 0.5)],
)
def test_what_an_alpha_comes_to_at_its_layer(planned, intervention, alpha_unit, coefficient):
    found = with_coefficient(planned | {"intervention": intervention}, alpha_unit=alpha_unit)
    assert found == planned | {"intervention": intervention, "coefficient": coefficient}


def test_the_inputs_of_a_job_are_completed_from_where_its_own_file_lies(planned, tmp_path):
    planned["statistics"] = "results/run/layer_3.json"
    params = SimpleNamespace(
        place="results/run/results.parquet", conditions=[planned], baseline={0: {"benign": "results/run/base.jsonl"}},
        built_from={"harm_train": 0.5}, alpha_unit="unit", max_new_tokens=40, cluster_field="topic", scorer=None,
    )  # fmt: skip
    files = {split: f"{split}.jsonl" for split in ("harm_train", "harm_test", "benign")} | {"own": "x"}
    found = inputs_of(params, files, made=f"{tmp_path}/results/run/results.parquet")
    (one,) = found.pop("conditions")
    assert one["coefficient"] == 1.0
    assert one["statistics"] == f"{tmp_path}/results/run/layer_3.json"
    assert one["shards"] == {"benign": f"{tmp_path}/results/run/benign.jsonl"}
    assert found == {
        "baseline": {0: {"benign": f"{tmp_path}/results/run/base.jsonl"}},
        "prompts": {split: f"{split}.jsonl" for split in ("harm_train", "harm_test", "benign")},
        "max_new_tokens": 40, "built_from": {"harm_train": 0.5}, "cluster_field": "topic", "scorer": None,
    }  # fmt: skip
