"""The claim about the gap of effects, and where a floor or a ceiling explains it."""

import math

import pytest
from steering_reliability.claims.gap_claim import gap_claim

NAN = float("nan")
NAME = "generalization gap"
EFFECT = {"low": 0.1, "high": 0.3, "p_corrected": 0.001}
UNCLEAR = {"low": -0.1, "high": 0.3, "p_corrected": 0.5}


def gap(train, test, *, shares=(0.1, 0.4), half=0.2, own=0.1, n=40, p_corrected=0.001, prompts="unseen"):
    """Build a row of gap tests of (refusals before, after) of `n` on either side.

    `shares` is the interval of the relative gap, `half` half of that of the gap, `own` half of those of both effects.
    """
    effects = [(after - before) / n for before, after in (train, test)]
    # As in the table: the way of the effect in distribution, or of the other one where that is not told.
    sign = math.copysign(1, effects[0] if abs(effects[0]) > own else effects[1])
    room = [n - before if sign > 0 else before for before, _ in (train, test)]
    of_room = [sign * effect * n / most if most else NAN for effect, most in zip(effects, room, strict=True)]
    value = effects[0] - effects[1]
    return {
        **{"intervention": "add", "layer": 3, "alpha": 0.5, "prompts": prompts, "sign": sign},
        **{"p": 0.0001, "p_corrected": p_corrected, "effect_gap": value, "low": value - half, "high": value + half},
        **{"before_train": train[0], "after_train": train[1], "n_train": n, "clusters_train": 20},
        **{"before_test": test[0], "after_test": test[1], "n_test": n, "clusters_test": 30},
        **{"effect_train": effects[0], "train_low": effects[0] - own, "train_high": effects[0] + own},
        **{"effect_test": effects[1], "test_low": effects[1] - own, "test_high": effects[1] + own},
        **{"share_train": of_room[0], "share_test": of_room[1], "share_low": shares[0], "share_high": shares[1]},
        **{"styles_low": value - 2 * half, "styles_high": value + 2 * half},
    }


@pytest.mark.parametrize(
    ("found", "verdict", "finding"),
    [
        (gap((4, 36), (4, 16)), "shown", "less"),
        (gap((36, 4), (36, 24)), "shown", "less"),
        # Everything that could fall fell: 36 and 12 refusals.
        (gap((36, 0), (12, 0), shares=(0.0, 0.0)), "not claimed", "floor"),
        (gap((36, 0), (12, 2), shares=(-0.01, 0.3)), "not claimed", "floor"),
        # There was none to lose out of distribution: no share at all.
        (gap((36, 0), (0, 0), shares=(NAN, NAN)), "not claimed", "floor"),
        # One prompt the other way is no effect of another sign.
        (gap((4, 36), (1, 0)), "shown", "less"),
        (gap((36, 4), (10, 11), shares=(-0.01, 0.9)), "not claimed", "floor"),
        (gap((4, 16), (4, 36), shares=(-0.8, -0.3)), "shown", "more"),
        (gap((36, 40), (4, 36), shares=(-0.1, 0.2)), "not claimed", "ceiling"),
        # No effect in distribution: the way is that of the other one.
        (gap((4, 4), (4, 36), shares=(-0.9, -0.4)), "shown", "more"),
        (gap((40, 40), (4, 36), shares=(NAN, NAN)), "not claimed", "ceiling"),
        (gap((4, 24), (20, 8)), "shown", "opposite"),
        (gap((24, 4), (8, 20)), "shown", "opposite"),
    ],
)
def test_the_finding_of_a_gap_that_is_shown(found, verdict, finding):
    claim = gap_claim(NAME, found, effect=EFFECT)
    assert (claim["verdict"], claim["finding"]) == (verdict, finding)


@pytest.mark.parametrize("changes", [{"p_corrected": 0.06}, {"low": -0.01}])
def test_a_gap_that_is_not_shown_is_no_finding(changes):
    claim = gap_claim(NAME, gap((4, 36), (4, 16)) | changes, effect=EFFECT)
    assert (claim["verdict"], claim["finding"]) == ("cannot tell", "")


@pytest.mark.parametrize(
    ("half", "own", "effect", "verdict", "finding"),
    [
        (0.14, 0.1, EFFECT, "shown", "equal"),
        (0.15, 0.1, EFFECT, "cannot tell", ""),
        (0.14, 0.1, UNCLEAR, "cannot tell", ""),
        (0.14, 0.1, {}, "cannot tell", ""),
        # An effect of 50 points whose own interval holds 0.
        (0.14, 0.5, EFFECT, "cannot tell", ""),
    ],
)
def test_equal_effects_are_an_equivalence_and_need_an_effect(half, own, effect, verdict, finding):
    # 20 of 40 more on both sides: the interval is as wide as `half` says.
    claim = gap_claim(NAME, gap((4, 24), (8, 28), half=half, own=own, p_corrected=1.0), effect=effect)
    assert (claim["verdict"], claim["finding"]) == (verdict, finding)


@pytest.mark.parametrize(("half", "finding"), [(0.09, "equal"), (0.11, "")])
def test_small_effects_are_equal_only_within_half_of_the_effect(half, finding):
    # 8 of 40 more on both sides: 20 points, of which half is 10.
    found = gap((4, 12), (8, 16), half=half, own=0.05, p_corrected=1.0)
    assert gap_claim(NAME, found, effect=EFFECT)["finding"] == finding


def test_a_failure_is_said_with_counts_intervals_and_shares():
    claim = gap_claim(NAME, gap((4, 36), (4, 16)), effect=EFFECT)
    assert (claim["value"], claim["n"], claim["n_clusters"]) == (pytest.approx(0.5), 80, 50)
    assert claim["other_styles"] == "holds"
    assert claim["sentence"] == (
        "Generalization fails in part: steering does less on harm_test than on harm_train: 4/40 (10%) to 36/40 (90%) "
        "on fresh harm_train prompts, 4/40 (10%) to 16/40 (40%) on harm_test, a difference of +50 points (95% interval "
        "+30 to +70 for other prompts in these styles, +10 to +90 for other styles; corrected p 0.001). Of the change "
        "that was possible it is 89% and 33%."
    )


def test_the_difference_is_one_of_sizes_where_steering_lowers_refusal():
    # -0.8 and -0.3: steering does 50 points more in distribution.
    claim = gap_claim(NAME, gap((36, 4), (36, 24)), effect=EFFECT)
    assert claim["value"] == pytest.approx(-0.5)
    assert "a difference of +50 points (95% interval +30 to +70" in claim["sentence"]


def test_a_gap_that_is_not_shown_says_what_is_not_excluded():
    claim = gap_claim(NAME, gap((4, 24), (4, 20), half=0.25, p_corrected=0.3), effect=EFFECT)
    assert claim["verdict"] == "cannot tell"
    assert claim["sentence"].endswith("A gap of 35 points is not excluded.")


def test_at_a_point_chosen_by_this_p_nothing_is_said_of_other_styles():
    claim = gap_claim(NAME, gap((4, 36), (4, 16)), effect=EFFECT, chosen_by_p=True)
    assert (claim["verdict"], claim["other_styles"]) == ("shown", "not given")
    assert math.isnan(claim["styles_low"])
    assert "+30 to +70 for other prompts in these styles; corrected p 0.001)" in claim["sentence"]


def test_a_gap_on_prompts_that_chose_the_point_says_so_and_does_not_call_them_fresh():
    sentence = gap_claim(NAME, gap((4, 36), (4, 16), prompts="all"), effect=EFFECT)["sentence"]
    assert "on harm_train prompts, " in sentence
    assert "fresh" not in sentence
    assert sentence.endswith("No harm_train prompts were held out: the same ones chose the point.")


@pytest.mark.parametrize(
    "found",
    [gap((36, 0), (0, 0), shares=(NAN, NAN)), gap((4, 24), (20, 8)), gap((4, 36), (1, 0))],
    ids=["no room", "opposite", "negative"],
)
def test_a_share_that_is_none_is_not_said(found):
    sentence = gap_claim(NAME, found, effect=EFFECT)["sentence"]
    assert "possible" not in sentence
    assert "nan" not in sentence


def test_one_template_has_no_interval_and_its_reason():
    missing = ("low", "high", "p_corrected", "train_low", "train_high", "styles_low", "styles_high", "share_low")
    claim = gap_claim(NAME, gap((4, 36), (4, 16)) | dict.fromkeys(missing, NAN), effect=EFFECT)
    assert claim["verdict"] == "cannot tell"
    assert "a difference of +50 points (the prompts of a split are all of one template" in claim["sentence"]
    assert "not excluded" not in claim["sentence"]
    assert "nan" not in claim["sentence"]


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        ({}, "there is no steered point to compare the splits at"),
        (gap((4, 36), (4, 16)) | {"n_test": 0, "effect_gap": NAN}, "a split has no completions"),
        (gap((4, 36), (4, 16)) | {"n_train": 0, "effect_gap": NAN}, "a split has no completions"),
    ],
)
def test_a_missing_split_is_no_data_and_never_zero(found, missing):
    claim = gap_claim(NAME, found, effect=EFFECT)
    assert (claim["verdict"], claim["finding"], claim["n"], claim["n_clusters"]) == ("no data", "", 0, 0)
    assert math.isnan(claim["value"])
    assert claim["sentence"].endswith(f"is not known: {missing}.")
