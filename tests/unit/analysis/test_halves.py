import pandas as pd
import pytest
from steering_reliability.analysis.halves import in_first_half, rows_in_first_half
from synthetic_run import realistic_results


def prompts(*families):
    return pd.DataFrame({"id": [f"p{index:03d}" for index in range(len(families))], "family": families})


def test_every_family_is_split_as_evenly_as_it_can_be():
    table = prompts(*["fraud"] * 9, *["drugs"] * 7, *["theft"] * 10)
    first = in_first_half(table, seed=0)
    assert sorted(table["family"][first].value_counts().to_dict().values()) in ([3, 5, 5], [4, 4, 5])
    assert first.sum() == 13


def test_the_order_of_the_prompts_does_not_matter():
    table = prompts(*["fraud", "drugs"] * 10)
    first = set(table["id"][in_first_half(table, seed=3)])
    turned = table.iloc[::-1].reset_index(drop=True)
    assert set(turned["id"][in_first_half(turned, seed=3)]) == first


def test_each_seed_and_each_halving_draws_anew():
    table = prompts(*["fraud"] * 40)
    halves = {tuple(in_first_half(table, seed=seed, halving=halving)) for seed in range(3) for halving in range(3)}
    assert len(halves) == 9


def test_each_prompt_is_in_the_first_half_about_half_of_the_time():
    table = prompts(*["fraud"] * 6, *[None] * 5)
    share = sum(in_first_half(table, seed=0, halving=halving) for halving in range(400)) / 400
    # Half of six, then a little over and under half of five; four standard deviations are 0.1.
    assert share[:6] == pytest.approx(0.5, abs=0.1)
    assert share[6:] == pytest.approx(0.6, abs=0.1)


def test_all_completions_of_a_prompt_are_in_one_half_of_its_split():
    results = realistic_results(checks=False)
    first = rows_in_first_half(results, seed=0)
    sides = results.assign(first=first).groupby(["split", "id"])["first"].agg(["min", "max"])
    assert (sides["min"] == sides["max"]).all()
    assert sides.groupby("split")["max"].sum().tolist() == [30, 30, 30]
