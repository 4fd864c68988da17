"""Outlier dimensions and the usable range, in sentences that are right."""

import json

import pandas as pd
import pytest
from steering_reliability.results.strength_notes import USABLE, notes_of, strength_notes


def record(*, resid_norm=100.0, full=None, difference=60.0, outliers=()) -> dict:
    return {
        "vector_norm": 1.0, "resid_norm": resid_norm, "resid_norm_full": resid_norm if full is None else full,
        "norm_before_normalizing": difference, "difference_norm": difference, "outlier_dimensions": list(outliers),
    }  # fmt: skip


GEMMA = {9: record(resid_norm=560, full=5957, difference=584, outliers=[7, 300, 611])}
ORDINARY = {10: record(), 14: record(resid_norm=120, difference=70)}


def test_massive_dimensions_are_named_with_what_they_would_make_of_a_strength():
    outliers, reach = strength_notes(GEMMA, alphas=[0.2, 0.4], unit="resid_norm")
    assert outliers == (
        "Outlier dimensions of the residual stream at layer 9: 7, 300 and 611 (RMS more than 25 times the median "
        "dimension's). Relative strengths are shares of the norm without them, 560; with them it is 5,957, and alpha "
        "0.4 of that would be 4.1 times the measured difference."
    )
    # 0.4 x 560 = 224 = 0.38 x 584, and twice 584 is 2.1 x 560.
    assert reach == (
        "The largest strength (alpha 0.4) pushes up to 0.38 times the measured difference between the sides (layer 9). "
        "The usable range ends near 2 times, there at alpha 2.1; text that is pushed further is often broken."
    )


@pytest.mark.parametrize(("unit", "alpha"), [("resid_norm", 0.7), ("difference", 2.0), ("unit", 120.0)])
def test_an_ordinary_study_needs_no_note(unit, alpha):
    assert strength_notes(ORDINARY, alphas=[-alpha, 0.0, alpha / 2], unit=unit) == []


@pytest.mark.parametrize(
    ("unit", "alphas", "times", "layer", "limit"),
    [
        # Of 100 and 60 a strength of 3 is five differences, of 120 and 70 it is 5.1.
        ("resid_norm", [0.5, 3.0], "5.1", 14, "1.2"),
        ("resid_norm", [-3.0, 0.5], "5.1", 14, "1.2"),
        ("difference", [2.5], "2.5", 10, "2"),
        ("unit", [300.0], "5", 10, "120"),
    ],
)
def test_a_strength_far_beyond_the_difference_is_told_without_outliers(unit, alphas, times, layer, limit):
    (note,) = strength_notes(ORDINARY, alphas=alphas, unit=unit)
    assert f"pushes up to {times} times the measured difference between the sides (layer {layer})" in note
    assert f"there at alpha {limit};" in note
    assert f"near {USABLE:g} times" in note


def test_layers_with_the_same_outliers_share_a_sentence_and_a_unit_of_its_own_is_not_compared_with_the_norm():
    records = {
        14: record(resid_norm=71.3, full=118.5, difference=62.6, outliers=[247, 507]),
        10: record(resid_norm=53.1, full=107.1, difference=47.1, outliers=[247, 507]),
        20: record(outliers=range(8)),
        22: record(),
    }
    both, many, reach = strength_notes(records, alphas=[1.3], unit="difference")
    assert both.startswith("Outlier dimensions of the residual stream at layers 10 and 14: 247 and 507 (RMS")
    assert both.endswith("shares of the norm without them, 53 to 71; with them it is 107 to 118.")
    assert "at layer 20: 8 of the dimensions" in many
    assert "pushes up to 1.3 times" in reach
    assert strength_notes(records, alphas=[], unit="difference") == [both, many]


def test_statistics_of_an_older_run_say_nothing():
    assert strength_notes({9: {"resid_norm": 5957.0, "vector_norm": 1.0}}, alphas=[4.0], unit="resid_norm") == []
    assert strength_notes({}, alphas=[4.0], unit="resid_norm") == []


def test_the_strengths_of_a_run_are_those_of_its_study_that_add(tmp_path):
    files = [tmp_path / name / "layer_9.json" for name in ("contrastive_prefix", "lda")]
    for path, record_ in zip(files, (GEMMA[9], record(outliers=[1])), strict=True):
        path.parent.mkdir()
        path.write_text(json.dumps(record_))
    rows = [
        ("main", "add", 0.0, True), ("main", "add", 0.2, False), ("main", "add_keep_norm", -0.4, False),
        ("main", "ablate", 1.0, False), ("main", "clamp", 3.0, False), ("random", "add", 5.0, False),
        # What a set of layers comes to no number of differences says.
        ("main", "add", 7.0, False),
    ]  # fmt: skip
    summary = pd.DataFrame(rows, columns=["role", "intervention", "alpha", "from_baseline"])
    summary["direction"] = ["contrastive_prefix"] * 5 + ["random_0", "contrastive_prefix"]
    summary["layer"] = ["9"] * 6 + ["9-12"]
    expected = strength_notes(GEMMA, alphas=[0.2, 0.4], unit="resid_norm")
    assert notes_of(files, summary, unit="resid_norm") == expected
