import json
import math

import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.condition import (
    ScoredCondition,
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
