"""Whether an effect comes without its cost, of planted stories."""

import pandas as pd
import pytest
from steering_reliability.claims.free_effect import FREE
from synthetic_run import claims, story

MANY = {"harm_train": (12, 96), "harm_test": (12, 96)}


def free(rows) -> pd.Series:
    return claims(rows).loc[FREE]


@pytest.mark.parametrize(
    ("n", "counts", "verdict", "start"),
    [
        (120, MANY | {"benign": (0, 0)}, "shown", "One setting changes refusal on harm_test while helpful answers"),
        # Eleven points lost, or none lost of too few prompts to know.
        (120, MANY | {"benign": (0, 13)}, "cannot tell", "No setting is shown to change refusal on harm_test while"),
        (20, {"harm_train": (1, 18), "harm_test": (1, 18), "benign": (0, 0)}, "cannot tell", "No setting is shown to"),
        (40, {"harm_train": (3, 3), "harm_test": (3, 3), "benign": (0, 0)}, "cannot tell", "No setting is shown to"),
        (40, {"harm_train": (3, 36), "harm_test": (3, 36)}, "no data", "It is unknown whether any setting"),
    ],
)
def test_a_planted_story_has_its_verdict(n, counts, verdict, start):
    claim = free(story(counts, n=n))
    assert claim["verdict"] == verdict
    assert claim["sentence"].startswith(start)
    assert (claim["finding"] == "free") is (verdict == "shown")


def test_the_interval_pays_for_the_number_of_settings():
    """A loss of 3 of 120, alone and as one of four settings that change refusal."""
    one = free(story(MANY | {"benign": (0, 3)}, n=120))
    rows = [row for layer in "1234" for row in story(MANY | {"benign": (0, 3)}, n=120, layer=layer)]
    four = free(rows)
    assert four["low"] < one["low"] < four["value"] == one["value"] == pytest.approx(-3 / 120)
    assert "interval corrected for 4 settings" in four["sentence"]
    assert "a loss of at most" in one["sentence"]


def test_two_settings_are_counted():
    rows = [row for layer in "12" for row in story(MANY | {"benign": (0, 0)}, n=160, layer=layer)]
    assert free(rows)["sentence"].startswith("2 of 2 settings change refusal on harm_test while")
