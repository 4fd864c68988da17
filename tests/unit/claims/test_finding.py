"""Planted stories: the finding says what is there, and nothing that is not."""

import pandas as pd
import pytest
from simulations.null_reports import claims_of
from steering_reliability.claims.claim import COST, EFFECT, GAP
from steering_reliability.claims.claims import MOST_SIGNIFICANT
from steering_reliability.claims.finding import finding, setting_words, verdict_words
from steering_reliability.evidence.summary import summarise
from synthetic_run import story

BOTH = {"harm_train": (3, 30), "harm_test": (3, 30), "benign": (0, 24)}
NO_CONTROL = "No random direction was run, so any vector of this length may do the same."


def told(rows, *, table=None) -> str:
    """The finding of some completions; `table` may change their claims."""
    results = pd.DataFrame(rows)
    claims = claims_of(results).reset_index()
    return " ".join(finding(claims if table is None else table(claims), summary=summarise(results)))


def test_an_effect_and_its_cost_are_said_with_the_rates_of_the_claims():
    text = told(story(BOTH))
    assert text.startswith(
        "Adding the direction at layer 14 (50% of the residual norm) raises refusal of new harmful requests from 8% to "
        "75%, and cuts helpful answers to harmless ones from 100% to 40%. No setting is shown to change refusal with a "
        "loss of helpful answers that is certain to stay below 10 points; whether it does as much to new requests as "
        "to familiar ones is open: with 60 prompts a gap of "
    )
    assert text.endswith(f" points is not excluded. {NO_CONTROL}")


def test_a_loss_of_refusals_is_said_of_what_removes_the_direction():
    text = told(story({"harm_train": (36, 4), "harm_test": (36, 4), "benign": (0, 0)}, intervention="ablate"))
    assert text.startswith("Removing 50% of the direction at layer 14 lowers refusal of new harmful requests from 90% ")
    assert "cuts" not in text
    assert "and no cost is shown: helpful answers to harmless ones went from 100% to 100%" in text


def test_a_cost_that_is_not_shown_is_not_said_to_be_there_and_a_benefit_is():
    few = told(story(BOTH | {"benign": (0, 2)}))
    assert "raises refusal" in few and "cuts" not in few
    assert "no cost is shown: helpful answers to harmless ones went from 100% to 95%, 95% interval of the change" in few
    assert "raises helpful answers to harmless ones from 50% to 98%" in told(story(BOTH | {"benign": (20, 1)}))


def test_without_an_effect_nothing_is_raised():
    text = told(story(BOTH | {"harm_train": (3, 4), "harm_test": (3, 4)}))
    assert text.startswith(
        "It is not shown that adding the direction at layer 14 (50% of the residual norm) changes refusal of new "
        "harmful requests: it went from 8% to 10%, 95% interval of the change"
    )
    # The cost is there all the same; of a setting without cost nothing is said, nor of controls.
    assert "and it cuts helpful answers to harmless ones from 100% to 40%" in text
    assert "raises" not in text and "No setting" not in text and NO_CONTROL not in text


def test_an_effect_that_only_the_correction_takes_away_is_a_suggestion():
    rows = story({"harm_train": (0, 9), "harm_test": (0, 6), "benign": (0, 0)})
    claims = claims_of(pd.DataFrame(rows)).reset_index().set_index("claim")
    effect = claims.loc[EFFECT].to_dict()
    assert effect["low"] > 0 and effect["p_corrected"] > 0.05
    assert verdict_words(effect) == "suggestive, not after correcting for 3 tests"
    assert effect["corrected_low"] < effect["low"] and effect["corrected_high"] > effect["high"]
    assert "Suggestive, not after correcting for 3 tests: the corrected interval is " in effect["sentence"]
    text = told(rows)
    assert text.startswith("It is suggested, not shown, that adding the direction")
    assert "raises" not in text


def two_points(**second):
    """Layer 14 does nothing and is recommended; layer 18 does much, at a cost that nobody would recommend."""
    rows = story({"harm_train": (3, 3), "harm_test": (3, 3), "benign": (0, 0)})
    return rows + story({"harm_train": (3, 36), "harm_test": (3, 36), "benign": (0, 36)} | second, layer="18")


def test_where_only_another_setting_has_an_effect_the_finding_is_of_that_setting():
    text = told(two_points())
    assert text.startswith("Adding the direction at layer 18 (50% of the residual norm) raises refusal")
    assert "and cuts helpful answers to harmless ones from 100% to 10%" in text
    # Its gap is no claim of its own where another point has the smallest p, and is not borrowed.
    table = claims_of(pd.DataFrame(two_points())).reset_index()
    moved = table.assign(where=table["where"].mask(table["claim"] != f"{EFFECT}{MOST_SIGNIFICANT}", "elsewhere"))
    text = " ".join(finding(moved, summary=summarise(pd.DataFrame(two_points()))))
    assert "at a cost that is not tested there" in text
    assert "unknown whether it does as much to new requests" in text


def test_a_setting_whose_loss_is_certain_to_be_small_is_named_and_others_are_not():
    many = {"harm_train": (12, 96), "harm_test": (12, 96), "benign": (0, 0)}
    rows = story(many, n=120) + story(many | {"benign": (0, 80)}, n=120, layer="18")
    text = told(rows)
    words = "Refusal changes with a loss of helpful answers that is certain to stay below 10 points at add, layer 14"
    assert words in text
    claim = claims_of(pd.DataFrame(rows)).loc["effect without cost"]
    assert (claim["verdict"], claim["finding"], claim["where"]) == ("shown", "free", "add, layer 14, alpha 0.5")
    assert claim["sentence"].startswith("One setting changes refusal on harm_test while helpful answers to benign ")
    assert "No setting is shown to change refusal with" in told(story(many | {"benign": (0, 80)}, n=120))


def test_several_interventions_are_told_apart():
    rows = story({"harm_train": (3, 3), "harm_test": (3, 3), "benign": (0, 0)}, intervention="ablate")
    rows += story({"harm_train": (3, 36), "harm_test": (3, 36), "benign": (0, 4)})
    assert told(rows).startswith("Adding the direction at layer 14")


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ((0, 36), (0, 6), "does less to new requests than to familiar ones (a gap of "),
        ((0, 6), (0, 36), "does more to new requests than to familiar ones (a gap of "),
        ((4, 36), (36, 4), "works in opposite ways"),
        ((36, 0), (16, 0), "but a floor or ceiling may explain it"),
    ],
)
def test_how_an_effect_carries_over_is_that_of_the_claim(train, test, words):
    assert words in told(story({"harm_train": train, "harm_test": test, "benign": (0, 0)}, n=40))


def test_equal_effects_are_equal_within_the_margin():
    text = told(story({"harm_train": (40, 260), "harm_test": (40, 260), "benign": (0, 0)}, n=400))
    assert "does as much to new requests as to familiar ones, within the margin of the claim" in text


@pytest.mark.parametrize("missing", ["harm_train", "harm_test", "benign"])
def test_a_split_that_is_missing_is_said_to_be(missing):
    text = told(story({split: counts for split, counts in BOTH.items() if split != missing}))
    if missing == "harm_test":
        assert text.startswith("It is unknown whether steering changes refusal of new harmful requests")
        assert "raises" not in text
    if missing == "harm_train":
        assert "It is unknown whether it does as much to new requests" in text or "it is unknown whether it" in text
    if missing == "benign":
        assert "cuts" not in text and "no cost is shown" not in text
    assert "nan" not in text


def test_one_prompt_has_no_interval_and_no_finding():
    text = told(story({"harm_train": (0, 1), "harm_test": (0, 1), "benign": (0, 1)}, n=1))
    assert text.startswith("It is not shown that")
    assert "no interval" in text and "nan" not in text
    assert finding(pd.DataFrame(columns=["claim", "finding"]), summary=pd.DataFrame()) == ("This run makes no claims.",)


def control(verdict, *, where="v, add, layer 14, alpha 0.5, seed 0"):
    row = {"claim": "check: random directions", "verdict": verdict, "where": where, "finding": "", "sentence": ""}
    return lambda claims: pd.concat([claims, pd.DataFrame([row])], ignore_index=True)


@pytest.mark.parametrize(
    ("table", "caution"),
    [
        (control("stronger than random"), ""),
        (control("cannot tell"), "Random directions of the same length do not rule out that any vector does the same."),
        (
            control("not a test"),
            "The setting was chosen by its effect, so its rank among random directions is no te",
        ),
        (
            control("stronger than random", where="v, add, layer 1, alpha 0.5, seed 0"),
            "No random direction was run at ",
        ),
        (None, NO_CONTROL),
    ],
)
def test_what_random_directions_leave_open_is_said(table, caution):
    text = told(story(BOTH), table=table)
    assert caution in text
    assert ("any vector" in text or "no test" in text) is bool(caution)


@pytest.mark.parametrize(
    ("intervention", "alpha", "words"),
    [
        ("add", -0.5, "Subtracting the direction at layer 14 (50% of the residual norm)"),
        ("add_keep_norm", 0.5, "Adding the direction at layer 14, with the norm kept (50% of the residual norm)"),
        ("clamp", 0.5, "Clamping the residual stream along the direction at layer 14, alpha 0.5"),
        ("ablate", 1.0, "Removing the direction at layer 14"),
        ("ablate_affine", 0.5, "Removing 50% of the direction at layer 14, down to its mean on the complying side"),
    ],
)
def test_every_intervention_has_its_words(intervention, alpha, words):
    row = {"role": "main", "from_baseline": False, "intervention": intervention, "layer": "14", "alpha": alpha}
    where = f"{intervention}, layer 14, alpha {alpha:g}"
    assert setting_words(where, summary=pd.DataFrame([row | {"relative_strength": alpha}])) == words
    unknown = pd.DataFrame([row | {"relative_strength": float("nan")}])
    assert "nan" not in setting_words(where, summary=unknown)
    assert setting_words("add, layer 99, alpha 1", summary=unknown) == "Steering (add, layer 99, alpha 1)"


@pytest.mark.parametrize("after", [0, 1, 2, 4, 6, 8, 12, 20, 40])
def test_raises_and_cuts_stand_where_the_claims_are_shown_and_nowhere_else(after):
    rows = story({"harm_train": (2, 20), "harm_test": (2, after), "benign": (0, after)})
    claims = claims_of(pd.DataFrame(rows))
    text = told(rows)
    assert ("raises refusal" in text) == (tuple(claims.loc[EFFECT, ["verdict", "finding"]]) == ("shown", "raises"))
    assert ("cuts helpful" in text) == (tuple(claims.loc[COST, ["verdict", "finding"]]) == ("shown", "lowers"))
    assert ("does less to new" in text) == (claims.loc[GAP, "finding"] == "less")
