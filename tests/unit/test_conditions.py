"""The grid of conditions, its controls and the paths of its shards."""

import pytest
from steering_reliability.conditions import (
    Condition,
    baseline_shard,
    check_point,
    conditions,
    directions,
    main_direction,
    resolve_layers,
    seeds,
)
from steering_reliability.config import Config
from steering_reliability.config_reading import load_config
from steering_reliability.errors import InputError

CHECKS = {"alt_prefixes": [{"refusal_prefix": "No.", "compliance_prefix": "Yes."}], "random_seeds": [3, 4]}


def config(*, direction: dict | None = None, sanity_checks: dict | None = None, **experiment) -> Config:
    grid = {"layers": [0, 2], "alphas": [0, 1.0, 2.5], "output_dir": "out"}
    return load_config(
        {
            "model": {"name": "m"},
            "direction": direction or {},
            "experiment": grid | experiment,
            "sanity_checks": {"enabled": False} if sanity_checks is None else sanity_checks,
        }
    )


def test_a_shard_lies_where_the_design_says():
    condition = Condition("main", "contrastive_prefix", "ablate", 11, 0.50, 7)
    assert (
        condition.shard("harm_test")
        == "completions/contrastive_prefix/ablate/layer_11/alpha_0.5/seed_7/harm_test.jsonl"
    )
    assert baseline_shard("benign", seed=7) == "completions/baseline/seed_7/benign.jsonl"


@pytest.mark.parametrize(("alpha", "written"), [(1.0, "1"), (-0.25, "-0.25"), (1e-05, "1e-05"), (2.50, "2.5")])
def test_an_alpha_is_written_in_its_shortest_form(alpha, written):
    assert f"/alpha_{written}/" in Condition("main", "d", "add", 0, alpha, 0).shard("benign")


def test_the_grid_is_interventions_by_layers_by_strengths_without_zero():
    found = conditions(config(interventions=["add", "ablate"]), layers=[0, 2])
    assert [(c.intervention, c.layer, c.alpha) for c in found] == [
        (intervention, layer, alpha) for intervention in ("add", "ablate") for layer in (0, 2) for alpha in (1.0, 2.5)
    ]
    assert {(c.role, c.direction, c.seed) for c in found} == {("main", "contrastive_prefix", 0)}


def test_a_grid_of_zeros_needs_no_completions_and_no_checks():
    assert conditions(config(alphas=[0], sanity_checks=CHECKS), layers=[0, 2]) == []


def test_the_controls_stand_at_one_point():
    found = conditions(config(sanity_checks=CHECKS), layers=[0, 2])[4:]
    assert [(c.role, c.direction, c.seed) for c in found] == [
        ("alt_prefix", "contrastive_prefix_alt1", 0),
        ("random", "random_3", 0),
        ("random", "random_4", 0),
        ("alt_seed", "contrastive_prefix", 1),
    ]
    assert {(c.intervention, c.layer, c.alpha) for c in found} == {("add", 2, 2.5)}


@pytest.mark.parametrize(
    ("alphas", "middle"), [([0, 1, 2, 3], 2), ([3, 2, 1], 2), ([-4, 1], 1), ([-4, -2, -1], -2), ([1, 2], 2)]
)
def test_the_checks_run_at_the_middle_positive_strength(alphas, middle):
    assert check_point(config(alphas=alphas), layers=[5, 1, 3]) == ("add", 3, middle)


def test_the_checks_run_at_the_configured_point():
    chosen = config(interventions=["ablate"], sanity_checks={"layer": 0, "alpha": 1.0})
    assert check_point(chosen, layers=[0, 2]) == ("ablate", 0, 1.0)


@pytest.mark.parametrize("checks", [{"layer": 1}, {"alpha": 9.0}, {"alpha": 0.0}])
def test_checks_outside_the_grid_are_refused(checks):
    with pytest.raises(InputError, match=r"which the grid does not hold") as caught:
        check_point(config(sanity_checks=checks), layers=[0, 2])
    assert "[0, 2]" in caught.value.fix
    assert "[1.0, 2.5]" in caught.value.fix


def test_layers_count_from_either_end():
    assert resolve_layers(config(layers=[0, -1, 5]), n_layers=12) == [0, 11, 5]


@pytest.mark.parametrize("layer", [12, -13])
def test_a_layer_that_the_model_lacks_is_refused_with_the_valid_range(layer):
    with pytest.raises(InputError, match=rf"m has 12 blocks and no layer {layer}") as caught:
        resolve_layers(config(layers=[0, layer]), n_layers=12)
    assert "0 to 11" in caught.value.fix
    assert "-12" in caught.value.fix


def test_two_names_of_one_block_are_refused():
    with pytest.raises(InputError, match="same block"):
        resolve_layers(config(layers=[11, -1]), n_layers=12)


def test_the_directions_of_a_run_are_the_main_one_first_and_its_controls():
    found = directions(config(sanity_checks=CHECKS))
    assert list(found) == ["contrastive_prefix", "contrastive_prefix_alt1", "random_3", "random_4"]
    assert found["contrastive_prefix_alt1"].refusal_prefix == "No."
    assert [(found[name].seed, found[name].reference) for name in ("random_3", "random_4")] == [
        (3, "contrastive_prefix"),
        (4, "contrastive_prefix"),
    ]


def test_another_prefix_is_no_control_for_a_method_without_prefixes():
    found = directions(config(direction={"method": "difference_in_means"}, sanity_checks=CHECKS))
    assert list(found) == ["difference_in_means", "random_3", "random_4"]


def test_a_random_direction_takes_its_length_from_a_difference_of_means():
    chosen = config(direction={"method": "random"})
    assert main_direction(chosen) == "random"
    assert directions(chosen)["random"].reference == "difference_in_means"
    assert {c.direction for c in conditions(chosen, layers=[0, 2])} == {"random"}


def test_the_main_seed_comes_first():
    assert seeds(config(sanity_checks={"alt_seed": 1}), layers=[0, 2]) == [0, 1]
    assert seeds(config(), layers=[0, 2]) == [0]


def test_shuffled_labels_are_a_control_like_a_random_direction():
    checks = CHECKS | {"random_seeds": [], "shuffled_seeds": [5]}
    chosen = config(sanity_checks=checks)
    found = directions(chosen)["shuffled_5"]
    assert (found.method, found.seed, found.reference) == ("shuffled", 5, "contrastive_prefix")
    assert [c.direction for c in conditions(chosen, layers=[0, 2]) if c.role == "shuffled"] == ["shuffled_5"]


@pytest.mark.parametrize(
    ("where", "points"),
    [
        ("point", [("add", 2, 2.5)]),
        ("layer", [("add", 2, 1.0), ("add", 2, 2.5), ("ablate", 2, 1.0), ("ablate", 2, 2.5)]),
        ("grid", [(kind, layer, alpha) for kind in ("add", "ablate") for layer in (0, 2) for alpha in (1.0, 2.5)]),
    ],
)
def test_controls_run_where_they_are_asked_for_and_other_checks_at_the_point(where, points):
    chosen = config(interventions=["add", "ablate"], sanity_checks=CHECKS | {"controls_at": where})
    found = conditions(chosen, layers=[0, 2])
    for name in ("random_3", "random_4"):
        assert [(c.intervention, c.layer, c.alpha) for c in found if c.direction == name] == points
    others = [(c.intervention, c.layer, c.alpha) for c in found if c.role in ("alt_prefix", "alt_seed")]
    assert others == [("add", 2, 2.5)] * 2
