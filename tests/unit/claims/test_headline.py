"""The tests that the headline claims rest on, corrected together."""

import pandas as pd
import pytest
from steering_reliability.claims.headline import headline_tests, with_correction
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.results.schema import POINT_KEYS
from synthetic_run import completion, tiny_results

NAN = float("nan")
WEAK, STRONG = (dict(zip(POINT_KEYS, ("main", "v", "add", 14, 0, alpha), strict=True)) for alpha in (0.2, 0.4))
UNSTEERED = with_outcomes(tiny_results().query("alpha == 0"))


def table_of(*rows):
    """Build a row per p at the weak and the strong point."""
    return pd.DataFrame(
        [point | row | {"p": p} for row, both in rows for point, p in zip((WEAK, STRONG), both, strict=True)]
    )


TESTS = table_of(
    ({"split": "harm_test", "outcome": "clean_refusal", "before": 2, "after": 9}, (0.001, 0.01)),
    ({"split": "harm_test", "outcome": "opening_refusal", "before": 1, "after": 7}, (0.3, 0.2)),
    ({"split": "harm_test", "outcome": "refusal", "before": 3, "after": 15}, (1e-9, 1e-9)),
    ({"split": "harm_train", "outcome": "clean_refusal", "before": 2, "after": 9}, (1e-9, 1e-9)),
    ({"split": "benign", "outcome": "helpful", "before": 30, "after": 20}, (0.02, NAN)),
    ({"split": "benign", "outcome": "helpful_by_opening", "before": 30, "after": 20}, (0.6, 0.5)),
)
GAPS = table_of(
    ({"prompts": "unseen", "outcome": "clean_refusal", "n_train": 20}, (0.004, 0.03)),
    ({"prompts": "all", "outcome": "clean_refusal", "n_train": 40}, (1e-9, 0.5)),
    ({"prompts": "unseen", "outcome": "opening_refusal", "n_train": 20}, (0.4, 0.1)),
    ({"prompts": "all", "outcome": "opening_refusal", "n_train": 40}, (1e-9, 1e-9)),
    ({"prompts": "unseen", "outcome": "refusal", "n_train": 20}, (1e-9, 1e-9)),
)


def headline(*, gaps=GAPS, point=STRONG, **options):
    return headline_tests(UNSTEERED, tests=TESTS, gaps=gaps, point=point, **options)


def recommended(found, column):
    """Return a column of the three tests at the recommended point."""
    assert [len(table) for table in found.recommended] == [1, 1, 1]
    return [table[column].iloc[0] for table in found.recommended]


def test_every_point_of_the_grid_is_in_one_test_family_with_half_of_the_level():
    found = headline()
    assert found.n_tests == 5
    # By Holm 0.001 * 5, 0.004 * 4, 0.01 * 3, 0.02 * 2 and at least that for 0.03; twice that.
    assert found.effects["p_corrected"].tolist() == pytest.approx([0.01, 0.06])
    assert found.gaps["p_corrected"].tolist() == pytest.approx([0.032, 0.08])
    assert found.costs["p_corrected"].tolist() == pytest.approx([0.08, NAN], nan_ok=True)
    assert found.layers.empty


def test_the_recommended_point_is_another_with_the_other_half():
    found = headline()
    assert recommended(found, "alpha") == [0.4] * 3
    # The test that is missing does not count: 0.01 * 2 and 0.03 * 1 by Holm, twice that.
    assert recommended(found, "p_corrected") == pytest.approx([0.04, 0.06, NAN], nan_ok=True)
    assert recommended(headline(point=WEAK), "p_corrected") == pytest.approx([0.006, 0.016, 0.04])


def test_the_opening_rule_has_its_own_outcomes():
    found = headline(rule="openings")
    assert found.effects["p"].tolist() == [0.3, 0.2]
    assert found.gaps["p"].tolist() == [0.4, 0.1]
    assert found.costs["p"].tolist() == [0.6, 0.5]
    assert recommended(found, "p") == [0.2, 0.1, 0.5]


def test_layers_belong_to_the_grid_and_are_counted_by_the_rule():
    rows = [
        completion("harm_test", index, refused=index < refused, alpha=0.5)
        | {"layer": layer, "opens_with_refusal": layer == 10 and index < 4}
        for layer, refused in ((10, 12), (14, 3))
        for index in range(20)
    ]
    # Nine prompts differ by the phrases and four by the openings; either p is the second smallest, of six and of seven.
    for rule, p, corrected in (("phrases", 2 / 2**9, 2 * 5 * 2 / 2**9), ("openings", 2 / 2**4, 1.0)):
        found = headline_tests(with_outcomes(pd.DataFrame(rows)), tests=TESTS, gaps=GAPS, point=STRONG, rule=rule)
        assert found.layers["p"].tolist() == [pytest.approx(p)]
        assert found.layers["p_corrected"].tolist() == [pytest.approx(corrected)]


def test_only_headline_tests_have_a_corrected_p_and_the_recommended_point_that_of_its_own_claim():
    found = headline()
    assert with_correction(TESTS, (found.effects,)).drop(columns="p_corrected").equals(TESTS)
    table = with_correction(TESTS, (found.effects, found.costs, *found.recommended[::2]))
    at = table["alpha"] == STRONG["alpha"]
    claimed = table["outcome"] == "clean_refusal"
    assert table.loc[at & claimed & (table["split"] == "harm_test"), "p_corrected"].tolist() == pytest.approx([0.04])
    assert table.loc[~at, "p_corrected"].dropna().tolist() == pytest.approx([0.01, 0.08])
    assert "p_corrected" not in TESTS


def test_without_a_recommended_point_nothing_is_claimed_there():
    found = headline(point=None)
    assert [len(table) for table in found.recommended] == [0, 0, 0]
    assert found.effects["p_corrected"].tolist() == pytest.approx([0.01, 0.06])
    empty = headline_tests(UNSTEERED, tests=TESTS.head(0), gaps=GAPS.head(0), point=None)
    assert empty.n_tests == 0
    assert [len(table) for table in empty.recommended] == [0, 0, 0]
