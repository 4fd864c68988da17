"""The title of a chart says what its table holds."""

import pandas as pd
import pytest
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.chart_titles import (
    dose_title,
    forest_title,
    scan_title,
    steerability_title,
    tradeoff_title,
)
from synthetic_run import story

COUNTS = {"harm_train": (4, 36), "harm_test": (2, 30), "benign": (0, 20)}


def summary_of(counts, **options):
    return summarise(pd.DataFrame(story(counts, **options)))


@pytest.mark.parametrize(
    ("benign", "given_up"), [((0, 20), "50 points of helpful answers"), ((4, 0), "no helpful ans")]
)
def test_the_trade_off_says_what_the_most_refusal_gives_up(benign, given_up):
    title = tradeoff_title(summary_of(COUNTS | {"benign": benign}))
    assert title.startswith(f"As many as 75% of harm_test are refused, where {given_up}")


def test_where_refusal_falls_the_trade_off_says_how_little_is_left():
    lowered = {"harm_train": (36, 4), "harm_test": (30, 2), "benign": (0, 0)}
    title = "As few as 5% of harm_test are refused, where no helpful answers are given up"
    assert tradeoff_title(summary_of(lowered)) == title
    # A setting that writes degenerate text goes no further.
    broken = pd.DataFrame(story(lowered | {"harm_test": (30, 0)}, layer="18"))
    broken["is_degenerate"] = (broken["alpha"] > 0) & (broken["split"] == "harm_test")
    both = pd.concat([pd.DataFrame(story(lowered)), broken], ignore_index=True)
    assert tradeoff_title(summarise(both)) == title


def test_a_trade_off_without_benign_prompts_makes_no_statement():
    assert tradeoff_title(summary_of({"harm_train": (1, 2), "harm_test": (1, 2)})) == (
        "Refusal against the helpful answers given up"
    )


def test_the_dose_response_says_between_which_rates_refusal_lies():
    assert dose_title(summary_of(COUNTS)) == (
        "Over all strengths 5% to 75% of harm_test and 0% to 50% of benign are refused"
    )
    assert "benign" not in dose_title(summary_of({"harm_test": (2, 30), "harm_train": (1, 2)}))


def test_the_forest_counts_intervals_without_zero():
    assert forest_title(summary_of({"harm_train": (0, 40), "harm_test": (0, 0), "benign": (0, 0)})).startswith(
        "At 1 of 1"
    )
    assert forest_title(summary_of({"harm_train": (4, 20), "harm_test": (4, 20), "benign": (0, 0)})).startswith(
        "At 0 of"
    )
    assert forest_title(summary_of({"harm_test": (4, 20), "benign": (0, 0)})) == "The gap of effects at every setting"


def test_steerability_names_the_layer_where_most_prompts_move_away():
    rows = pd.DataFrame(story(COUNTS) + story(COUNTS, layer="18"))
    away = (rows["layer"] == "18") & (rows["split"] == "harm_test") & (rows["id"] < "harm_test_0003")
    rows["refusal_propensity"] = rows["alpha"] * (1.0 - 3.0 * away)
    title = steerability_title(prompt_steerability(rows))
    assert title == "At layer 18, 3 of 40 harm_test prompts move away from refusal as alpha grows"
    assert steerability_title(prompt_steerability(rows)[:0]) == "How far each prompt moves"


def test_the_scan_names_what_it_chose():
    assert scan_title({"layers": [16, 8, 22]}) == "The scan chose layers 8, 16 and 22"
    assert scan_title({"layers": [3]}) == "The scan chose layer 3"
    assert scan_title({}) == "What the scan measured at each layer"
