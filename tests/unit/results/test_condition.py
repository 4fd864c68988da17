import json
import math
from types import SimpleNamespace

import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.condition import (
    ScoredCondition,
    aggregation_inputs,
    read_statistics,
    relative_strength,
    with_coefficient,
)

KEYS = {"role": "main", "direction": "v", "intervention": "add", "layer": 3, "alpha": 0.5, "seed": 0}


@pytest.mark.parametrize(
    ("changes", "statistics", "expected"),
    [
        ({}, {"resid_norm": 40.0}, 0.5),
        # The sign is that of alpha, whichever way the vector points.
        ({"alpha": -0.5}, {"resid_norm": 40.0}, -0.5),
        ({"alpha": -0.5, "coefficient": -20.0}, {"resid_norm": 40.0}, -0.5),
        ({"intervention": "ablate", "coefficient": 0.5}, {"resid_norm": 40.0, "mean_abs_projection": 8.0}, 0.1),
        ({"intervention": "ablate"}, {"resid_norm": 40.0}, math.nan),
        ({}, {}, math.nan),
    ],
)
def test_the_strength_of_a_condition(changes, statistics, expected):
    condition = ScoredCondition(**KEYS | {"coefficient": 20.0, "shards": {}, "statistics": ""} | changes)
    assert relative_strength(condition, statistics=statistics) == pytest.approx(expected, nan_ok=True)


def test_alpha_0_has_no_shard():
    with pytest.raises(ValueError, match="baseline"):
        ScoredCondition(**KEYS | {"alpha": 0.0}, coefficient=0.0, shards={}, statistics="")


@pytest.mark.parametrize("content", [None, "{", "3"])
def test_damaged_statistics_are_one_message(tmp_path, content):
    path = tmp_path / "layer_3.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"layer_3\.json"):
        read_statistics(path)


@pytest.fixture
def planned(tmp_path):
    """A condition as the rules plan it, whose direction is made."""
    path = tmp_path / "results/run/layer_3.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"resid_norm": 40.0, "vector_norm": 2.0}))
    return KEYS | {"shards": {"benign": "results/run/benign.jsonl"}, "statistics": str(path)}


@pytest.mark.parametrize(
    ("intervention", "alpha_unit", "coefficient"),
    [("add", "unit", 1.0), ("add", "resid_norm", 20.0), ("ablate", "unit", 0.5), ("ablate", "resid_norm", 0.5)],
)
def test_what_an_alpha_comes_to_at_its_layer(planned, intervention, alpha_unit, coefficient):
    found = with_coefficient(planned | {"intervention": intervention}, alpha_unit=alpha_unit)
    assert found == planned | {"intervention": intervention, "coefficient": coefficient}


def test_the_inputs_of_a_job_lie_below_the_folder_of_its_own_output(planned, tmp_path):
    planned["statistics"] = "results/run/layer_3.json"
    params = SimpleNamespace(
        place="results/run/results.parquet", conditions=[planned], baseline={0: {"benign": "results/run/base.jsonl"}},
        built_from={"harm_train": 0.5}, alpha_unit="unit", max_new_tokens=40, cluster_field="topic", scorer=None,
    )  # fmt: skip
    prompts = {split: f"{split}.jsonl" for split in ("harm_train", "harm_test", "benign")}
    found = aggregation_inputs(params, prompts | {"own": "x"}, output=f"{tmp_path}/results/run/results.parquet")
    shards = {"benign": f"{tmp_path}/results/run/benign.jsonl"}
    statistics = f"{tmp_path}/results/run/layer_3.json"
    assert found == {
        "conditions": [planned | {"coefficient": 1.0, "shards": shards, "statistics": statistics}],
        "baseline": {0: {"benign": f"{tmp_path}/results/run/base.jsonl"}},
        "prompts": prompts,
        "max_new_tokens": 40, "built_from": {"harm_train": 0.5}, "cluster_field": "topic", "scorer": None,
    }  # fmt: skip
