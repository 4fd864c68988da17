"""p-values corrected for their number."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.statistics.multiplicity import LEVEL, PARTS, correct_together, holm


def test_holm_by_hand():
    # In order 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1, each at least the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    # A missing test does not count.
    assert holm([0.01, np.nan, 0.02]).tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert holm([]).size == 0


def test_holm_agrees_with_statsmodels():
    # multipletests(p, method="holm") of statsmodels 0.15.
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205]
    expected = [0.008, 0.056, 0.234, 0.234, 0.234, 0.234, 0.234, 0.234]
    assert holm(p).tolist() == pytest.approx(expected)


def table(*p):
    return pd.DataFrame({"p": list(p), "name": [f"test {number}" for number in range(len(p))]})


def test_several_tables_are_one_family_with_half_of_the_level():
    # Four tests: 0.001 * 4, 0.01 * 3, 0.02 * 2, 0.4 * 1 by Holm, and twice that.
    first, second = correct_together(table(0.01, 0.4), table(0.001, np.nan, 0.02))
    assert first["p_corrected"].tolist() == pytest.approx([0.06, 0.8])
    assert second["p_corrected"].tolist() == pytest.approx([0.008, np.nan, 0.08], nan_ok=True)
    assert (first["name"].tolist(), first["p"].tolist()) == (["test 0", "test 1"], [0.01, 0.4])
    assert correct_together(table(0.6))[0]["p_corrected"].tolist() == [1.0]
    # Empty tables are no tests, and an index is kept.
    given = table(0.2, 0.1).set_index(pd.Index([7, 3]))
    none, some = correct_together(table(), given)
    assert none.columns.tolist() == ["p", "name", "p_corrected"]
    assert some["p_corrected"].to_dict() == pytest.approx({7: 0.4, 3: 0.4})
    assert "p_corrected" not in given


@pytest.mark.parametrize("n", [3, 40])
def test_at_most_half_of_the_level_of_reports_claim_anything_of_nothing(n):
    # A p of pure chance is uniform: the smallest of n is below LEVEL / PARTS / n with chance 2.5% or a little less.
    p = np.random.default_rng(0).random((2000, n))
    claims = [(correct_together(table(*row))[0]["p_corrected"] <= LEVEL).any() for row in p]
    assert PARTS == 2
    # Three standard deviations of 2000 draws are 1%.
    assert np.mean(claims) == pytest.approx(1 - (1 - LEVEL / PARTS / n) ** n, abs=0.0105)
