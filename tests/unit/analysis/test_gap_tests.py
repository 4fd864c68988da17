"""The gap of effects, tested."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.gap_tests import gap_tests
from synthetic_run import completion


def split(name: str, *, before: set[int], after: set[int], n: int = 40) -> list[dict]:
    return [
        completion(name, index, refused=index in refused, alpha=alpha)
        for alpha, refused in ((0.0, before), (0.5, after))
        for index in range(n)
    ]


def gaps_of(*rows: list[dict]) -> pd.DataFrame:
    return gap_tests(pd.DataFrame([row for part in rows for row in part])).set_index("prompts")


def test_the_gap_of_effects_subtracts_the_baseline():
    # harm_train: 4 of 40 before, 24 after; harm_test: 8 before, 12 after.
    table = gaps_of(
        split("harm_train", before=set(range(4)), after=set(range(24))),
        split("harm_test", before=set(range(8)), after=set(range(12))),
    )
    everyone = table.loc["all"]
    assert everyone["effect_gap"] == pytest.approx(20 / 40 - 4 / 40)
    assert (everyone["n_train"], everyone["n_test"]) == (40, 40)
    # Welch by hand: variances 20/39 * ... of 0/1 changes, here p(1-p) n/(n-1).
    spread = np.sqrt((0.5 * 0.5 + 0.1 * 0.9) / 39)
    assert everyone["effect_gap"] / spread == pytest.approx(4.285, abs=0.001)
    assert everyone["p"] == pytest.approx(6.0e-5, rel=0.15)
    assert everyone["low"] > 0


def test_prompts_that_built_the_direction_are_left_out_of_the_headline():
    # The odd ones did not build: of the first 24 those are 12 of 20.
    table = gaps_of(
        split("harm_train", before=set(), after=set(range(0, 40, 2))), split("harm_test", before=set(), after=set())
    )
    assert table.loc["all", "effect_gap"] == pytest.approx(0.5)
    assert table.loc["unseen", "effect_gap"] == 0.0
    assert (table.loc["unseen", "n_train"], table.loc["unseen", "p"]) == (20, 1.0)


def test_a_missing_split_is_missing():
    table = gaps_of(split("harm_train", before=set(), after={1, 2}))
    assert np.isnan(table.loc["all", "effect_gap"])
    assert table.loc["all", "n_test"] == 0
