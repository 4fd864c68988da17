"""The corrected interval is the claim's own at the level that the correction leaves it."""

import pandas as pd
import pytest
from steering_reliability.claims.corrected import with_corrected_interval
from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.grid_tests import gap_tests, study_of
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import story


def test_one_test_has_half_of_the_level_and_more_tests_less():
    rows = pd.DataFrame(story({"harm_train": (2, 20), "harm_test": (2, 12), "benign": (0, 3)}))
    counts = count_clusters(with_outcomes(rows))
    tests = study_of(rows).tests
    found = tests[(tests["split"] == "harm_test") & (tests["outcome"] == "clean_refusal")].iloc[0].to_dict()
    one, ten = (with_corrected_interval(found, counts=counts, n_tests=n) for n in (1, 10))
    # Two refuse before and after, ten only after, 28 never; each prompt is a cluster of its own.
    expected = newcombe_paired_interval(2, 10, 0, 28, confidence=0.975)
    assert (one["corrected_low"], one["corrected_high"]) == pytest.approx((float(expected.low), float(expected.high)))
    assert ten["corrected_low"] < one["corrected_low"] < found["low"]
    assert ten["n_tests"] == 10


def test_a_gap_has_one_and_a_difference_of_layers_none():
    rows = pd.DataFrame(story({"harm_train": (2, 30), "harm_test": (2, 12), "benign": (0, 3)}))
    study = study_of(rows)
    gaps = gap_tests(study.counts, styles=study.styles)
    gap = gaps[(gaps["outcome"] == "clean_refusal") & (gaps["prompts"] == "unseen")].iloc[0].to_dict()
    found = with_corrected_interval(gap, counts=study.counts, n_tests=3)
    assert found["corrected_low"] < gap["low"] < gap["high"] < found["corrected_high"]
    layers = with_corrected_interval({"layer": "1", "difference": 0.5}, counts=study.counts, n_tests=3)
    assert pd.isna(layers["corrected_low"])
    assert with_corrected_interval({}, counts=study.counts, n_tests=3) == {}
