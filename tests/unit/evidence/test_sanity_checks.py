import math

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.sanity_checks import SAME_WITHIN, SANITY_COLUMNS, sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion, realistic_results, tiny_results

N = 50


def curve(role, direction, *, before, after, seed=0, n=N, alpha=0.5, splits=("harm_test",)):
    """Build completions of which the first `before` refuse unsteered and the first `after` steered."""
    keys = {"role": role, "direction": direction, "seed": seed}
    return [
        completion(split, index, refused=index < count, alpha=strength) | keys
        for split in splits
        for strength, count in ((0.0, before), (alpha, after))
        for index in range(n)
    ]


def checks(*curves, **options):
    results = pd.DataFrame([row for one in curves for row in one])
    return sanity_checks(results, summary=summarise(results), **options).set_index(["check", "statistic"])


CONTRAST = "effect minus the study's effect"
EFFECT = "effect on harm_test refusal"
COSINE = "cosine with the study's direction"
RANK = "rank of the study's effect"
MAIN = curve("main", "v", before=2, after=27)
# Benign prompts never refuse, so the point costs nothing and is recommended.
WHOLE = MAIN + curve("main", "v", before=2, after=27, splits=["harm_train"])
WHOLE = WHOLE + curve("main", "v", before=0, after=0, splits=["benign"])


@pytest.mark.parametrize(
    ("after", "verdict"), [(27, "agrees"), (24, "agrees"), (2, "differs"), (0, "differs"), (12, "differs")]
)
def test_another_prefix(after, verdict):
    table = checks(MAIN, curve("alt_prefix", "v_alt1", before=2, after=after), cosines={"v_alt1": {14: 0.9}})
    assert table.loc[("other prefix", EFFECT), "value"] == pytest.approx((after - 2) / N)
    row = table.loc[("other prefix", CONTRAST)]
    # The first `after` refuse in the check and the first 27 in the study.
    expected = newcombe_paired_interval(after, 0, 27 - after, 23)
    assert row[["value", "low", "high"]].tolist() == pytest.approx([float(part) for part in expected])
    assert (row["verdict"], row["n"]) == (verdict, N)
    cosine = table.loc[("other prefix", COSINE)]
    assert (cosine["value"], cosine["verdict"]) == (0.9, "same direction")


def test_two_effects_of_which_the_studys_is_none_agree_on_nothing():
    table = checks(curve("main", "v", before=2, after=3), curve("alt_prefix", "v_alt1", before=2, after=3))
    row = table.loc[("other prefix", CONTRAST)]
    assert (row["value"], row["verdict"]) == (0.0, "cannot tell")
    assert -SAME_WITHIN < row["low"] < row["high"] < SAME_WITHIN


@pytest.mark.parametrize(("n", "verdict"), [(20, "cannot tell"), (400, "agrees")])
def test_another_seed_has_a_baseline_of_its_own_and_needs_many_prompts_to_agree(n, verdict):
    # On its n prompts the study goes from 2 to 20 refusals for every 20, the check from 1 to 19.
    table = checks(
        curve("main", "v", before=n // 10, after=n, n=2 * n),
        curve("alt_seed", "v", before=n // 20, after=n - n // 20, seed=7, n=n),
    )
    row = table.loc[("other seed", CONTRAST)]
    assert row["value"] == pytest.approx(18 / 20 - 18 / 20)
    assert (row["n"], row["verdict"]) == (n, verdict)
    # Two independent effects: the half widths add up as the sides of a right angle.
    one = newcombe_paired_interval(n // 20, n - n // 10, 0, n // 20)
    other = newcombe_paired_interval(n // 10, n - n // 10, 0, 0)
    assert row["low"] == pytest.approx(-math.hypot(one.value - one.low, other.high - other.value))


def test_a_refusal_in_degenerate_text_is_no_effect():
    broken = [row | {"is_degenerate": row["alpha"] > 0} for row in curve("alt_prefix", "w", before=2, after=27)]
    assert checks(MAIN, broken).loc[("other prefix", EFFECT), "value"] == pytest.approx(-2 / N)


def controls(after, n=19, *, role="random", **options):
    return [row for seed in range(n) for row in curve(role, f"{role}_{seed}", before=2, after=after, **options)]


def test_random_directions_are_judged_together_by_rank():
    row = checks(WHOLE, controls(4)).loc[("random directions", RANK)]
    assert (row["verdict"], row["n"], row["p"]) == ("stronger than random", 19, pytest.approx(1 / 20))
    assert row["value"] == pytest.approx(25 / N - 2 / N)
    assert row["condition"] == "v, add, layer 14, alpha 0.5, seed 0"
    assert np.isnan([row["low"], row["high"]]).all()
    # Without benign prompts none is recommended, so the point is there for its effect on these prompts alone.
    assert checks(MAIN, controls(4)).loc[("random directions", RANK), "verdict"] == "not a test"


@pytest.mark.parametrize(
    ("cosine", "verdict"),
    [(0.21, "too alike"), (-0.5, "too alike"), (0.2, "unlike the direction"), (0.0, "unlike the direction")],
)
def test_a_shuffled_control_must_not_hold_the_direction(cosine, verdict):
    table = checks(WHOLE, controls(4, n=2, role="shuffled"), cosines={"shuffled_1": {14: cosine}})
    row = table.loc[("shuffled labels", COSINE)]
    # Of the other one no cosine is known.
    assert (row["value"], row["verdict"], row["n"]) == (cosine, verdict, 1)
    assert row["condition"] == "shuffled_1, add, layer 14, alpha 0.5, seed 0"
    assert f"is {cosine:.2f}" in row["sentence"]
    assert table.loc[("shuffled labels", RANK), "n"] == 2


def test_effects_are_held_against_confounds_at_the_recommended_point_and_at_what_is_varied():
    other = [row for row in curve("main", "v", before=2, after=20, alpha=0.3) if row["alpha"]]
    varied = curve("alt_prefix", "w", before=2, after=20, alpha=0.3)
    table = checks(WHOLE, other, varied)
    found = table.loc[["length and entropy", "fluency"]].reset_index()
    places = [f"v, add, layer 14, alpha {alpha}, seed 0" for alpha in (0.5, 0.3)] * 2
    assert found["condition"].tolist() == places


def test_a_run_without_checks_still_matches_length_and_entropy_and_one_without_a_steered_point_nothing():
    results = tiny_results()
    table = sanity_checks(results, summary=summarise(results))
    assert table["check"].tolist() == ["length and entropy", "fluency"]
    assert table["verdict"].tolist() == ["cannot tell"] * 2
    unsteered = results.query("alpha == 0")
    table = sanity_checks(unsteered, summary=summarise(unsteered))
    assert table.columns.tolist() == SANITY_COLUMNS
    assert table.empty


def test_every_check_of_a_whole_run_has_a_verdict_and_a_sentence():
    results = realistic_results()
    table = sanity_checks(results, summary=summarise(results))
    assert table.columns.tolist() == SANITY_COLUMNS
    assert set(table["check"]) == {"other prefix", "other seed", "random directions", "length and entropy", "fluency"}
    assert table["verdict"].str.len().gt(0).all()
    assert table["sentence"].str.endswith(".").all()
    assert not table["sentence"].str.contains("nan").any()
    assert table.loc[table["check"] == "length and entropy", "verdict"].tolist() == ["survives"]


@pytest.mark.parametrize(
    ("layer", "value", "words"),
    [
        ("14", 0.5, "Its cosine with the study's direction is 0.50."),
        ("14-15", 0.3, "Its mean cosine with the study's directions of 2 layers is 0.30 (0.10 to 0.50)."),
        ("all", 0.3, "Its mean cosine with the study's directions of 2 layers is 0.30 (0.10 to 0.50)."),
        ("13-16-from-15", 0.1, "Its cosine with the study's direction is 0.10."),
        ("all-from-14", 0.5, "Its cosine with the study's direction is 0.50."),
    ],
)
def test_at_several_layers_the_cosine_is_a_mean_over_the_directions_that_are_used(layer, value, words):
    rows = [row | {"layer": layer} for row in (*WHOLE, *controls(4, n=1, role="shuffled"))]
    row = checks(rows, cosines={"shuffled_0": {14: 0.5, 15: 0.1}}).loc[("shuffled labels", COSINE)]
    assert row["value"] == pytest.approx(value)
    assert row["sentence"].startswith(words)


def test_one_unknown_cosine_leaves_that_of_a_set_unknown():
    rows = [row | {"layer": "14-16"} for row in (*WHOLE, *controls(4, n=1, role="shuffled"))]
    table = checks(rows, cosines={"shuffled_0": {14: 0.5, 15: 0.1}})
    assert ("shuffled labels", COSINE) not in table.index
