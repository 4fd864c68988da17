import math

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.marginal_model import is_separated, standardised_difference, why_not_modelled

COLUMNS = {"outcome": "refused", "exposure": "exposed"}


def completions(*cells, samples=1):
    """Build prompts from (family, exposed, refusing, n), each with the same answer in all of its samples."""
    rows = []
    for family, exposed, k, n in cells:
        for index in range(n):
            row = {"family": family, "exposed": exposed, "refused": float(index < k), "id": f"{family}{exposed}{index}"}
            rows += [row] * samples
    return pd.DataFrame(rows)


CROSSED = (("a", True, 16, 20), ("a", False, 6, 20), ("b", True, 25, 40), ("b", False, 3, 12))


def difference(rows, adjust=()):
    return standardised_difference(rows, **COLUMNS, cluster="id", adjust=adjust)


def reason(rows, adjust=()):
    return why_not_modelled(rows, **COLUMNS, adjust=adjust)


def test_without_factors_it_is_the_plain_difference_with_its_standard_error():
    value, low, high = difference(completions(("a", True, 30, 50), ("a", False, 10, 40)))
    half = 1.959963984540054 * math.sqrt(0.6 * 0.4 / 50 + 0.25 * 0.75 / 40)
    assert (value, low, high) == pytest.approx((0.35, 0.35 - half, 0.35 + half), abs=1e-6)


def test_samples_that_always_agree_add_nothing():
    once, thrice = (difference(completions(*CROSSED, samples=samples), ["family"]) for samples in (1, 3))
    assert np.array(thrice) == pytest.approx(np.array(once), abs=1e-6)


def test_the_interval_allows_for_the_samples_of_one_prompt():
    # 40 prompts with two samples on either side; every exposed one refuses once, 8 of the others do.
    rows = completions(("a", True, 40, 80), ("a", False, 8, 80))
    rows["id"] = rows["id"].str.extract(r"(\D+)", expand=False) + (rows.groupby("exposed").cumcount() % 40).astype(str)
    value, low, high = difference(rows)
    # The exposed do not vary from prompt to prompt; the others have 8 ones among 40 sums of two.
    half = 1.959963984540054 * math.sqrt(0.2 * 0.8 / 40) / 2
    assert (value, low, high) == pytest.approx((0.4, 0.4 - half, 0.4 + half), abs=1e-6)


def test_a_factor_that_is_mixed_unevenly_is_adjusted_for():
    # 0.8 - 0.6 and 0.4 - 0.2, both an odds ratio of 8/3; the exposed have more of the family that refuses less.
    rows = completions(("a", True, 24, 30), ("a", False, 54, 90), ("b", True, 36, 90), ("b", False, 6, 30))
    assert rows.loc[rows["exposed"], "refused"].mean() - rows.loc[~rows["exposed"], "refused"].mean() == 0
    value, low, _ = difference(rows, ["family"])
    assert value == pytest.approx(0.2, abs=1e-6)
    assert low > 0


def test_the_difference_agrees_with_statsmodels_logit():
    # statsmodels 0.15.0: Logit(...).fit(cov_type="HC0").get_margeff(at="overall", dummy=True).
    found = difference(completions(*CROSSED), ["family"])
    assert found == pytest.approx((0.4392940434867768, 0.24504673310048078, 0.6335413538730729), abs=1e-6)


def test_a_crossed_table_with_events_can_be_modelled():
    assert reason(completions(*CROSSED), ["family"]) is None


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([("a", True, 9, 20)], "only one split"),
        ([("a", True, 3, 60), ("a", False, 2, 60)], "too few"),
        ([("a", True, 58, 60), ("a", False, 57, 60)], "too few"),
        ([("a", True, 20, 40), ("b", False, 20, 40)], "cannot be told apart"),
        ([("a", True, 30, 40), ("a", False, 20, 40), ("b", True, 0, 40), ("b", False, 0, 40)], "separation"),
    ],
)
def test_what_cannot_be_modelled_is_said(cells, words):
    assert words in reason(completions(*cells), ["family"])


def test_no_rows_cannot_be_modelled():
    assert "only one split" in reason(completions(*CROSSED)[:0], ["family"])


@pytest.mark.parametrize(
    ("x", "outcome", "separated"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1], True),
        ([0, 0, 1, 1], [0, 1, 1, 1], True),
        ([0, 0, 1, 1], [0, 1, 0, 1], False),
        ([0, 1, 2, 3], [0, 1, 1, 1], True),
        ([0, 1, 2, 3], [0, 1, 0, 1], False),
    ],
)
def test_separation_by_eye(x, outcome, separated):
    design = np.column_stack([np.ones(4), x])
    assert is_separated(design, outcome=np.array(outcome, dtype=bool)) is separated
