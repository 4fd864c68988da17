"""What every claim shares: when it is shown, where it is made, and its words."""

import math

import pytest
from steering_reliability.claims.claim import (
    for_other_styles,
    intervals,
    is_shown,
    no_interval,
    numbers_of,
    p_text,
    place,
)

NAN = float("nan")
SHOWN = {"low": 0.104, "high": 0.296, "p_corrected": 0.01, "styles_low": -0.05, "styles_high": 0.45}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"low": -0.3, "high": -0.1}, True),
        ({"p_corrected": 0.05}, True),
        ({"p_corrected": 0.0501}, False),
        ({"low": 0.0}, False),
        ({"low": -0.1}, False),
        ({"low": NAN, "high": NAN}, False),
        ({"p_corrected": NAN}, False),
    ],
)
def test_a_claim_needs_an_interval_without_zero_and_a_corrected_p(changes, shown):
    assert is_shown(SHOWN | changes) is shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "cannot tell"),
        ({"styles_low": 0.02}, "holds"),
        ({"low": -0.3, "high": -0.1, "styles_low": -0.4, "styles_high": -0.01}, "holds"),
        ({"styles_low": 0.02, "p_corrected": 0.2}, "cannot tell"),
        ({"styles_low": NAN, "styles_high": NAN}, "one style"),
    ],
)
def test_a_claim_holds_for_other_styles_only_where_it_is_shown_and_their_interval_has_no_zero(changes, words):
    assert for_other_styles(SHOWN | changes) == words


def test_a_row_without_an_interval_for_other_styles_is_of_one_style():
    assert for_other_styles({"low": 0.1, "high": 0.3, "p_corrected": 0.01}) == "one style"


def test_at_a_point_chosen_by_its_p_no_interval_for_other_styles_is_given():
    held = SHOWN | {"styles_low": 0.02}
    assert for_other_styles(held, chosen_by_p=True) == "not given"
    assert for_other_styles(held | {"styles_low": NAN}, chosen_by_p=True) == "one style"
    assert intervals(held, styles=False) == "95% interval +10 to +30 for other prompts in these styles"
    numbers = numbers_of(held | {"intervention": "add", "layer": 3, "alpha": 0.5}, "difference", chosen_by_p=True)
    assert numbers["other_styles"] == "not given"
    assert math.isnan(numbers["styles_low"])
    assert math.isnan(numbers["styles_high"])
    assert (numbers["low"], numbers["high"]) == (0.104, 0.296)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0123, "0.012"),
        (0.05, "0.05"),
        (0.0504, "0.0504"),
        (0.0495, "0.05"),
        (0.0555, "0.056"),
        (3e-7, "3e-07"),
        (1.0, "1"),
    ],
)
def test_a_p_above_the_level_is_never_rounded_to_it(p, text):
    assert p_text({"p_corrected": p}) == text


def test_both_intervals_are_said_low_to_high_and_turned_round_where_it_is_asked():
    others = "-5 to +45 for other styles"
    assert intervals(SHOWN) == f"95% interval +10 to +30 for other prompts in these styles, {others}"
    turned = "95% interval -30 to -10 for other prompts in these styles, -45 to +5 for other styles"
    assert intervals(SHOWN, sign=-1) == turned
    one_style = SHOWN | {"styles_low": NAN, "styles_high": NAN}
    assert intervals(one_style) == "95% interval +10 to +30 for other prompts in these styles"


def test_where_a_claim_is_made():
    point = {"intervention": "add", "layer": 3, "alpha": 0.50}
    assert place(point) == "add, layer 3, alpha 0.5"
    assert place(point | {"other_layer": 7}) == "add 0.5: layer 3 minus 7"
    assert place({}) == "no steered point"


def test_a_missing_interval_has_its_reason():
    assert no_interval(SHOWN) == ""
    assert "no interval" in no_interval(SHOWN | {"low": NAN, "high": NAN})


def test_the_numbers_of_a_claim_and_of_none():
    found = SHOWN | {"intervention": "add", "layer": 3, "alpha": 0.5, "difference": 0.2, "p": 0.001}
    assert numbers_of(found, "difference") == {
        **SHOWN, "p": 0.001, "value": 0.2, "other_styles": "cannot tell", "where": "add, layer 3, alpha 0.5",
    }  # fmt: skip
    nothing = numbers_of({}, "difference")
    assert (nothing.pop("other_styles"), nothing.pop("where")) == ("no data", "no steered point")
    assert nothing.keys() == {"value", "low", "high", "styles_low", "styles_high", "p", "p_corrected"}
    assert all(math.isnan(number) for number in nothing.values())
