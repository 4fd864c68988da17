"""The grid of conditions, its controls and the paths of its shards."""

import pandas as pd
import pytest
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.evidence.claim_points import CLAIM_POINT_COLUMNS
from steering_reliability.results.tables import write_table
from steering_reliability.run.grid import (
    Condition,
    check_point,
    conditions,
    conditions_at_claims,
    directions,
    follows_claims,
    is_control,
    main_direction,
    read_claim_points,
)

CHECKS = {"alt_prefixes": [{"refusal_prefix": "No.", "compliance_prefix": "Yes."}], "random_seeds": [3, 4]}
AT_POINT = CHECKS | {"controls_at": "point", "layer": 2, "alpha": 2.5}


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


@pytest.mark.parametrize(("alpha", "written"), [(1.0, "1"), (-0.25, "-0.25"), (1e-05, "1e-05"), (2.50, "2.5")])
def test_an_alpha_is_written_in_its_shortest_form(alpha, written):
    assert f"/alpha_{written}/" in Condition("main", "d", "add", "0", alpha, 0).shard("benign")


def test_the_grid_is_interventions_by_layers_by_strengths_without_zero():
    found = conditions(config(interventions=["add", "ablate"]), layers=["0", "2"])
    assert [(c.intervention, c.layer, c.alpha) for c in found] == [
        (intervention, layer, alpha)
        for intervention in ("add", "ablate")
        for layer in ("0", "2")
        for alpha in (1.0, 2.5)
    ]
    assert {(c.role, c.direction, c.seed) for c in found} == {("main", "contrastive_prefix", 0)}


def test_a_grid_of_zeros_needs_no_completions_and_no_checks():
    assert conditions(config(alphas=[0], sanity_checks=CHECKS), layers=["0", "2"]) == []


@pytest.mark.parametrize(
    ("checks", "alphas", "follows"),
    [
        (CHECKS, [0, 1], True),
        # The prefixes and the seed are varied at the recommended point, whatever is said of the controls.
        (CHECKS | {"controls_at": "point"}, [0, 1], True),
        (CHECKS | {"controls_at": "grid"}, [0, 1], True),
        (CHECKS | {"layer": 2}, [0, 1], True),
        (AT_POINT, [0, 1, 2.5], False),
        (CHECKS | {"controls_at": "point", "alpha": 1.0}, [0, 1], False),
        (CHECKS | {"enabled": False}, [0, 1], False),
        (CHECKS, [0], False),
    ],
)
def test_checks_follow_the_claims_unless_their_point_is_chosen_or_there_is_nothing_to_check(checks, alphas, follows):
    chosen = config(sanity_checks=checks, alphas=alphas)
    assert follows_claims(chosen) is follows
    if not follows:
        assert conditions_at_claims(chosen, recommended=("add", "2", 1.0), others=[("add", "0", 1.0)]) == []


FIRST, SECOND = ("add", "2", 1.0), ("add", "0", 2.5)


def test_controls_run_at_every_claim_and_what_is_varied_at_the_recommended_point_on_harm_test_alone():
    found = conditions_at_claims(config(sanity_checks=CHECKS), recommended=FIRST, others=[SECOND])
    assert [(c.role, c.direction, c.seed, (c.intervention, c.layer, c.alpha)) for c in found] == [
        ("alt_prefix", "contrastive_prefix_alt1", 0, FIRST),
        ("alt_seed", "contrastive_prefix", 1, FIRST),
        ("random", "random_3", 0, FIRST),
        ("random", "random_3", 0, SECOND),
        ("random", "random_4", 0, FIRST),
        ("random", "random_4", 0, SECOND),
    ]
    assert {c.splits for c in found} == {("harm_test",)}
    once = conditions_at_claims(config(sanity_checks=CHECKS), recommended=FIRST, others=[FIRST])
    assert [c.direction for c in once if c.role == "random"] == ["random_3", "random_4"]


@pytest.mark.parametrize(
    ("changes", "roles"), [({"controls_at": "point"}, {"alt_prefix", "alt_seed"}), ({"layer": 2}, {"random"})]
)
def test_what_has_a_place_of_its_own_does_not_follow_the_claims(changes, roles):
    chosen = config(sanity_checks=CHECKS | changes)
    at_claims = conditions_at_claims(chosen, recommended=FIRST, others=[SECOND])
    known = {c.role for c in conditions(chosen, layers=["0", "2"])} - {"main"}
    assert {c.role for c in at_claims} == roles
    assert known == {"alt_prefix", "alt_seed", "random"} - roles


@pytest.mark.parametrize(
    ("alphas", "middle"), [([0, 1, 2, 3], 2), ([3, 2, 1], 2), ([-4, 1], 1), ([-4, -2, -1], -2), ([1, 2], 2)]
)
def test_the_checks_run_at_the_middle_positive_strength(alphas, middle):
    assert check_point(config(alphas=alphas), layers=["10", "1", "3", "all"]) == ("add", "3", middle)


@pytest.mark.parametrize("checks", [{"layer": 1}, {"alpha": 9.0}, {"alpha": 0.0}])
def test_checks_outside_the_grid_are_refused(checks):
    with pytest.raises(InputError, match=r"which is not in the grid") as caught:
        check_point(config(sanity_checks=checks), layers=["0", "2"])
    assert "0, 2" in caught.value.fix
    assert "[1.0, 2.5]" in caught.value.fix


def test_the_directions_of_a_run_are_the_main_one_first_and_its_controls():
    chosen = config(sanity_checks=CHECKS | {"shuffled_seeds": [5]})
    found = directions(chosen)
    controls = ["random_3", "random_4", "shuffled_5"]
    assert list(found) == ["contrastive_prefix", "contrastive_prefix_alt1", *controls]
    assert [name for name in found if is_control(chosen, name)] == controls
    assert found["contrastive_prefix_alt1"].refusal_prefix == "No."
    assert [(found[name].method, found[name].seed, found[name].activations) for name in controls] == [
        ("random", 3, "contrastive_prefix"),
        ("random", 4, "contrastive_prefix"),
        ("shuffled", 5, "contrastive_prefix"),
    ]
    # Another prefix is no control for a method without prefixes.
    means = directions(config(direction={"method": "difference_in_means"}, sanity_checks=CHECKS))
    assert list(means) == ["difference_in_means", "random_3", "random_4"]


def test_a_random_direction_that_is_studied_takes_its_length_from_a_difference_of_means_and_is_no_control():
    chosen = config(direction={"method": "random"})
    assert main_direction(chosen) == "random"
    assert directions(chosen)["random"].activations == "difference_in_means"
    assert {c.direction for c in conditions(chosen, layers=["0", "2"])} == {"random"}
    assert not is_control(chosen, "random")


def test_shuffled_labels_are_a_control_like_a_random_direction():
    shuffled = {"random_seeds": [], "shuffled_seeds": [5]}
    at_point = conditions(config(sanity_checks=AT_POINT | shuffled), layers=["0", "2"])
    at_claims = conditions_at_claims(config(sanity_checks=CHECKS | shuffled), recommended=FIRST, others=[])
    for found in (at_point, at_claims):
        assert [c.direction for c in found if c.role == "shuffled"] == ["shuffled_5"]


@pytest.mark.parametrize(
    ("where", "points"),
    [
        ("point", [("add", "2", 2.5)]),
        ("layer", [(kind, "2", alpha) for kind in ("add", "ablate") for alpha in (1.0, 2.5)]),
        ("grid", [(kind, layer, alpha) for kind in ("add", "ablate") for layer in ("0", "2") for alpha in (1.0, 2.5)]),
    ],
)
def test_controls_run_where_they_are_asked_for_and_other_checks_at_the_point(where, points):
    chosen = config(interventions=["add", "ablate"], sanity_checks=AT_POINT | {"controls_at": where})
    found = conditions(chosen, layers=["0", "2"])
    for name in ("random_3", "random_4"):
        assert [(c.intervention, c.layer, c.alpha) for c in found if c.direction == name] == points
    others = [(c.intervention, c.layer, c.alpha) for c in found if c.role in ("alt_prefix", "alt_seed")]
    assert others == [("add", "2", 2.5)] * 2


@pytest.mark.parametrize("alpha", [0.2, -0.45, 1.0, 1e-05])
def test_a_written_table_of_claim_points_is_read_as_it_was(tmp_path, alpha):
    points = [("recommended", "add", "14", alpha), ("most significant", "ablate", "all-from-3", 0.5)]
    names = ("purpose", "intervention", "layer", "alpha")
    rows = [dict(zip(names, point, strict=True)) | {"role": "main", "direction": "v", "seed": 0} for point in points]
    write_table(pd.DataFrame(rows, columns=CLAIM_POINT_COLUMNS), tmp_path / "points.csv")
    assert read_claim_points(tmp_path / "points.csv") == points
    write_table(pd.DataFrame(columns=CLAIM_POINT_COLUMNS), tmp_path / "points.csv")
    assert read_claim_points(tmp_path / "points.csv") == read_claim_points(tmp_path / "absent.csv") == []


LISTED = {"method": ["pca", "contrastive_prefix", "difference_in_means"]}


def test_every_method_runs_the_grid_and_only_the_first_has_claims_and_controls():
    chosen = config(direction=LISTED, sanity_checks=AT_POINT)
    found = conditions(chosen, layers=["0", "2"])
    grid = [(layer, alpha) for layer in ("0", "2") for alpha in (1.0, 2.5)]
    by_method = {name: [(c.role, c.layer, c.alpha) for c in found if c.direction == name] for name in LISTED["method"]}
    assert by_method == {
        # Once more with the other seed.
        "pca": [*(("main", *point) for point in grid), ("alt_seed", "2", 2.5)],
        "contrastive_prefix": [("method", *point) for point in grid],
        "difference_in_means": [("method", *point) for point in grid],
    }
    assert [c.direction for c in found if c.role == "alt_prefix"] == ["pca_alt1"]
    made = directions(chosen)
    assert {name: made[name].activations for name in (*LISTED["method"], "pca_alt1", "random_3")} == {
        "pca": "contrastive_prefix",
        "contrastive_prefix": "contrastive_prefix",
        "difference_in_means": "difference_in_means",
        "pca_alt1": "pca_alt1",
        "random_3": "contrastive_prefix",
    }
    assert {made["random_3"].estimator, made["pca_alt1"].estimator} == {"pca"}
    assert [name for name in made if is_control(chosen, name)] == ["random_3", "random_4"]


def test_pca_compares_harmful_with_benign_prompts_if_told_to():
    made = directions(config(direction={"method": "pca", "contrast": "harmful_benign"}, sanity_checks=CHECKS))
    assert made["pca"].activations == "difference_in_means"
    # There is no prefix to word otherwise.
    assert not [name for name in made if "_alt" in name]
