"""A claim that a rate changes."""

import math

import pytest
from steering_reliability.claims.change_claim import change_claim

NAN = float("nan")
RAISED = {
    "intervention": "add", "layer": 3, "alpha": 0.5, "before": 2, "after": 15, "n": 40, "n_clusters": 20,
    "difference": 0.325, "low": 0.1, "high": 0.5, "p": 0.001, "p_corrected": 0.0123, "styles_low": -0.1,
    "styles_high": 0.7,
}  # fmt: skip
LOWERED = RAISED | {"before": 15, "after": 2, "difference": -0.325, "low": -0.5, "high": -0.1}


def test_a_rise_is_shown_with_its_counts_intervals_and_p():
    claim = change_claim("effect on harm_test", RAISED, split="harm_test")
    assert (claim["verdict"], claim["finding"], claim["value"]) == ("shown", "raises", 0.325)
    assert (claim["n"], claim["n_clusters"], claim["other_styles"]) == (40, 20, "cannot tell")
    assert claim["where"] == "add, layer 3, alpha 0.5"
    assert claim["sentence"] == (
        "Steering raises refusal on harm_test: 2/40 (5%) to 15/40 (38%), +33 points (95% interval +10 to +50 for other "
        "prompts in these styles, -10 to +70 for other styles; corrected p 0.012)."
    )


@pytest.mark.parametrize(
    ("name", "found", "finding", "start"),
    [
        ("effect on harm_test", LOWERED, "lowers", "Steering lowers refusal on harm_test"),
        ("trade-off", LOWERED, "lowers", "There is a trade-off: steering lowers the share of benign prompts"),
        ("trade-off, most significant point", RAISED, "raises", "Steering raises the share of benign prompts"),
        ("layer difference", RAISED, "raises", "Layers differ: the first gives more refusal"),
        ("layer difference", LOWERED, "lowers", "Layers differ: the first gives less refusal"),
    ],
)
def test_every_question_has_its_words(name, found, finding, start):
    claim = change_claim(name, found, split="benign")
    assert (claim["verdict"], claim["finding"]) == ("shown", finding)
    assert claim["sentence"].startswith(start)


@pytest.mark.parametrize(
    ("before_any", "after_any", "words"),
    [
        (2, 15, "0.012)."),
        (2, 22, "0.012). Degenerate text included it is 2/40 (5%) to 22/40 (55%)."),
        (3, 15, "0.012). Degenerate text included it is 3/40 (8%) to 15/40 (38%)."),
    ],
)
def test_refusals_in_degenerate_text_are_said_where_there_are_any(before_any, after_any, words):
    found = RAISED | {"before_any": before_any, "after_any": after_any}
    assert change_claim("effect on harm_test", found, split="harm_test")["sentence"].endswith(words)


def test_at_a_point_chosen_by_this_p_nothing_is_said_of_other_styles():
    claim = change_claim("trade-off, most significant point", LOWERED, split="benign", chosen_by_p=True)
    assert (claim["verdict"], claim["other_styles"]) == ("shown", "not given")
    assert math.isnan(claim["styles_low"])
    assert "-50 to -10 for other prompts in these styles; corrected p 0.012)" in claim["sentence"]


@pytest.mark.parametrize("changes", [{"low": -0.01}, {"p_corrected": 0.06}])
def test_what_is_not_shown_has_no_finding(changes):
    claim = change_claim("trade-off", RAISED | changes, split="benign")
    assert (claim["verdict"], claim["finding"]) == ("cannot tell", "")
    assert claim["sentence"].startswith("The data cannot tell whether steering costs helpfulness: 2/40 (5%) to 15/40")


def test_one_template_has_no_interval_and_its_reason():
    found = RAISED | dict.fromkeys(("low", "high", "styles_low", "styles_high"), NAN)
    claim = change_claim("effect on harm_test", found, split="harm_test")
    assert claim["verdict"] == "cannot tell"
    assert "+33 points (the prompts of a split are all of one template" in claim["sentence"]
    assert "nan" not in claim["sentence"]


def test_two_layers_have_no_before_and_after():
    found = {name: RAISED[name] for name in RAISED if name not in ("before", "after")} | {"other_layer": 7}
    claim = change_claim("layer difference", found, split="harm_test")
    assert claim["where"] == "add 0.5: layer 3 minus 7"
    assert claim["sentence"].startswith("Layers differ: the first gives more refusal on harm_test: +33 points (95%")


@pytest.mark.parametrize("found", [{}, RAISED | {"n": 0, "difference": NAN, "p_corrected": NAN}])
@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("effect on harm_test", "none of harm_test"),
        ("trade-off", "none of harm_test"),
        ("layer difference", "no two layers were steered at one strength"),
    ],
)
def test_nothing_found_is_no_data_and_never_zero(found, name, missing):
    claim = change_claim(name, found, split="harm_test")
    assert (claim["verdict"], claim["finding"], claim["n"]) == ("no data", "", 0)
    assert math.isnan(claim["value"])
    assert "is not known" in claim["sentence"]
    assert missing in claim["sentence"]
