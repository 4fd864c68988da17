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
    with_strength,
)

KEYS = {"role": "main", "direction": "v", "intervention": "add", "layer": "3", "alpha": 0.5, "seed": 0}
SIDES = {"mean_projection_refusing": 16.0, "mean_projection_complying": 4.0}


@pytest.mark.parametrize(
    ("changes", "statistics", "expected"),
    [
        ({}, {"resid_norm": 40.0}, 0.5),
        # The sign is that of alpha, whichever way the vector points.
        ({"alpha": -0.5}, {"resid_norm": 40.0}, -0.5),
        ({"alpha": -0.5, "coefficient": -20.0}, {"resid_norm": 40.0}, -0.5),
        ({"intervention": "ablate"}, {"resid_norm": 40.0, "mean_abs_projection": 8.0}, 0.1),
        ({"intervention": "ablate"}, {"resid_norm": 40.0}, math.nan),
        ({}, {}, math.nan),
        # Both sides' projections come to their mean of 10 on average, and go to 20.
        ({"intervention": "clamp"}, {"resid_norm": 40.0, **SIDES}, 0.25),
        ({"intervention": "clamp"}, {"resid_norm": 40.0}, math.nan),
        # Half of the difference of 12 to the complying side goes, and on average half of that.
        ({"intervention": "ablate_affine"}, {"resid_norm": 40.0, **SIDES}, 0.075),
        ({"intervention": "ablate_affine"}, {"resid_norm": 40.0, "mean_abs_projection": 8.0}, math.nan),
        # A push of 3/4 of the norm makes a vector of 5/4: back at the norm, its cosine with the old one is 4/5.
        ({"intervention": "add_keep_norm", "coefficient": 30.0}, {"resid_norm": 40.0}, math.sqrt(0.4)),
        (
            {"intervention": "add_keep_norm", "coefficient": 30.0, "alpha": -0.5},
            {"resid_norm": 20.0, "resid_norm_full": 40.0},
            -2 * math.sqrt(0.4),
        ),
    ],
)
def test_the_strength_of_an_intervention_at_one_block(changes, statistics, expected):
    point = {"intervention": "add", "alpha": 0.5, "coefficient": 20.0} | changes
    assert relative_strength(statistics, **point) == pytest.approx(expected, nan_ok=True)


def test_alpha_0_has_no_shard():
    with pytest.raises(ValueError, match="baseline"):
        ScoredCondition(**KEYS | {"alpha": 0.0}, coefficient=0.0, relative_strength=0.0, shards={})


@pytest.mark.parametrize("content", [None, "{", "3"])
def test_damaged_statistics_are_one_message(tmp_path, content):
    path = tmp_path / "layer_3.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"layer_3\.json"):
        read_statistics(path)


@pytest.fixture
def planned(tmp_path):
    """A condition as the rules plan it, whose directions are made."""
    folder = tmp_path / "results/run"
    folder.mkdir(parents=True)
    (folder / "layer_3.json").write_text(json.dumps({"resid_norm": 40.0, "vector_norm": 2.0}))
    (folder / "layer_4.json").write_text(json.dumps({"resid_norm": 80.0, "vector_norm": 4.0}))
    (folder / "layer_5.json").write_text(json.dumps({"vector_norm": 4.0}))
    files = [str(folder / f"layer_{block}.json") for block in (3, 4, 5)]
    return KEYS | {"shards": {"benign": "results/run/benign.jsonl"}, "statistics": files[:1]}, files


@pytest.mark.parametrize(
    ("intervention", "alpha_unit", "coefficient", "strength"),
    [
        ("add", "unit", 1.0, 1 / 40),
        ("add", "resid_norm", 20.0, 0.5),
        ("ablate", "unit", 0.5, math.nan),
        ("ablate", "resid_norm", 0.5, math.nan),
    ],
)
def test_what_an_alpha_comes_to_at_its_layer(planned, intervention, alpha_unit, coefficient, strength):
    planned, _ = planned
    found = with_strength(planned | {"intervention": intervention}, alpha_unit=alpha_unit)
    assert found.pop("relative_strength") == pytest.approx(strength, nan_ok=True)
    assert found.pop("coefficient") == coefficient
    assert found == {**KEYS, "intervention": intervention, "shards": planned["shards"]}


def test_of_several_blocks_the_first_gives_the_coefficient_and_all_of_them_the_strength(planned):
    planned, files = planned
    several = with_strength(planned | {"layer": "3-4", "statistics": files[:2]}, alpha_unit="unit")
    # 1/40 at block 3; a coefficient of 2 over 80 at block 4.
    assert (several["coefficient"], several["relative_strength"]) == (1.0, pytest.approx(1 / 40))
    (planned_norm,) = [with_strength(planned | {"statistics": files[1::-1]}, alpha_unit="resid_norm")]
    assert (planned_norm["coefficient"], planned_norm["relative_strength"]) == (40.0, 0.5)
    missing = with_strength(planned | {"layer": "3-5", "statistics": files}, alpha_unit="unit")
    assert math.isnan(missing["relative_strength"])
    assert ScoredCondition(**several).layer == "3-4"


def test_a_job_without_a_shared_disk_finds_every_file_below_its_own_folder(planned, tmp_path):
    planned, _ = planned
    names = [f"results/run/layer_{block}.json" for block in (3, 4)]
    condition = planned | {"layer": "3-4", "statistics": names}
    params = SimpleNamespace(
        place="results/run/results.parquet", conditions=[condition], baseline={0: {"benign": "results/run/b.jsonl"}},
        alpha_unit="resid_norm", max_new_tokens=8, built_from={}, cluster_field="template", scorer=None,
    )  # fmt: skip
    files = {split: f"{split}.jsonl" for split in ("harm_train", "harm_test", "benign")}
    found = aggregation_inputs(params, files, output=f"{tmp_path}/results/run/results.parquet")
    (scored,) = found["conditions"]
    assert scored["shards"] == {"benign": f"{tmp_path}/results/run/benign.jsonl"}
    assert (scored["coefficient"], scored["relative_strength"]) == (20.0, 0.5)
    assert found["baseline"] == {0: {"benign": f"{tmp_path}/results/run/b.jsonl"}}
    assert ScoredCondition(**scored).layer == "3-4"
