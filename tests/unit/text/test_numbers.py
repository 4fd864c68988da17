"""Numbers in sentences."""

import math

import pytest
from steering_reliability.text.numbers import count_of, interval, percent, points, rate, rounded, signed

NAN = float("nan")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(7.5, 8), (32.5, 33), (100 * 13 / 40, 33), (100 * 0.075, 8), (-2.5, -3), (-0.4, 0), (0.49, 0), (12, 12)],
)
def test_halves_go_away_from_zero(number, expected):
    assert rounded(number) == expected


@pytest.mark.parametrize("n", [8, 40, 200])
def test_a_rate_is_rounded_as_on_paper(n):
    for successes in range(n + 1):
        # In whole numbers: floor(100 k / n + 1/2).
        assert percent(successes / n) == f"{(200 * successes + n) // (2 * n)}%"


def test_a_difference_has_its_sign_and_nothing_is_no_minus():
    assert [signed(share) for share in (0.075, -0.075, 0.0, -0.001, 1.0)] == ["+8", "-8", "+0", "+0", "+100"]


def test_a_rate_is_a_count_and_a_percentage():
    assert count_of(13, 40) == "13/40 (33%)"
    # A count that comes back as a product of rate and n.
    assert count_of(0.1 * 3 * 10, 10.0) == "3/10 (30%)"
    assert count_of(0, 0) == "no data"


def test_an_interval_goes_from_low_to_high():
    assert interval(-0.0249, 0.135) == "-2 to +14"


@pytest.mark.parametrize(
    ("value", "n", "low", "high", "words"),
    [
        (0.325, 40, 0.2, 0.48, "13/40 (33%, 95% interval 20 to 48)"),
        (0.0, 12, 0.0, 0.2425, "0/12 (0%, 95% interval 0 to 24)"),
        (0.5, 4, NAN, NAN, "2/4 (50%), no interval"),
        (NAN, 0, NAN, NAN, "no data"),
    ],
)
def test_a_rate_of_the_summary(value, n, low, high, words):
    assert rate({"refusal": value, "refusal_n": n, "refusal_low": low, "refusal_high": high}, "refusal") == words


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (0.25, -0.05, 0.5, "+25 points (95% interval -5 to +50)"),
        (-0.25, NAN, NAN, "-25 points, no interval"),
        (NAN, NAN, NAN, "no data"),
    ],
)
def test_a_difference_of_the_summary(value, low, high, words):
    assert points({"gap": value, "gap_low": low, "gap_high": high}, "gap") == words


def test_a_missing_number_is_never_rounded():
    with pytest.raises(ValueError, match="NaN"):
        rounded(math.nan)
