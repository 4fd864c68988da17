"""Where the claims of an effect are made."""

import pandas as pd
import pytest
from steering_reliability.evidence.claim_points import (
    CLAIM_POINT_COLUMNS,
    claim_points,
    most_significant_effect,
    point_chosen_by_effect,
)
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise_pairs
from synthetic_run import completion, realistic_results, tiny_results


def run(points, *, lost=None):
    """Build a study: alpha to how many of 20 prompts refuse in harm_train and in harm_test, none unsteered."""
    return pd.DataFrame(
        completion(split, index, refused=index < refusing, alpha=alpha)
        for alpha, (train, test) in {0.0: (0, 0), **points}.items()
        for split, refusing in (("harm_train", train), ("harm_test", test), ("benign", (lost or {}).get(alpha, 0)))
        for index in range(20)
    )


def points_of(results):
    study = study_of(results)
    return claim_points(summarise_pairs(study.rows), tests=study.tests)


def chosen(results):
    table = points_of(results)
    assert table.columns.tolist() == CLAIM_POINT_COLUMNS
    return dict(zip(table["purpose"], table["alpha"], strict=True))


@pytest.mark.parametrize(
    ("points", "lost", "recommended", "most_significant"),
    [
        # One is chosen by harm_train, the other by its p on harm_test.
        ({0.2: (12, 5), 0.4: (6, 15)}, None, 0.2, 0.4),
        ({0.2: (3, 5), 0.4: (12, 15)}, None, 0.4, 0.4),
        # A cost keeps a point from being recommended only.
        ({0.2: (3, 5), 0.4: (12, 15)}, {0.4: 9}, 0.2, 0.4),
        # Of equal p-values the first.
        ({0.2: (3, 5), 0.4: (3, 5)}, None, 0.2, 0.2),
    ],
)
def test_what_each_point_is_chosen_by(points, lost, recommended, most_significant):
    assert chosen(run(points, lost=lost)) == {"recommended": recommended, "most significant": most_significant}


def test_a_refusal_in_degenerate_text_counts_for_neither():
    results = run({0.2: (3, 5), 0.4: (12, 15)})
    results["is_degenerate"] = (results["alpha"] == 0.4) & (results["split"] != "benign")
    assert chosen(results) == {"recommended": 0.2, "most significant": 0.2}


def test_other_roles_and_columns_and_the_order_of_the_rows_do_not_matter():
    results = realistic_results()
    table = points_of(results[SUMMARY_INPUTS])
    assert table["role"].tolist() == ["main"] * 2
    for others in (results[results["role"] == "main"], results.sample(frac=1, random_state=1)):
        pd.testing.assert_frame_equal(table, points_of(others))


def test_a_point_is_chosen_by_its_effect_unless_it_is_recommended():
    tests = study_of(run({0.2: (12, 5), 0.4: (6, 15)})).tests
    point = most_significant_effect(tests)
    assert point["alpha"] == 0.4
    assert point_chosen_by_effect(tests, recommended=None) == point
    assert point_chosen_by_effect(tests, recommended=point) is None


def test_what_is_not_there_has_no_row():
    results = tiny_results()
    assert chosen(results[results["alpha"] == 0]) == {}
    assert chosen(results.head(0)) == {}
    assert chosen(results[results["split"] == "harm_test"]) == {"most significant": 0.2}
    assert chosen(results[results["split"] != "harm_test"]).keys() == {"recommended"}
