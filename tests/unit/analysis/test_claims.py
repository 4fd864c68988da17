"""What may be claimed: the verdict that each made-up story must get."""

import pandas as pd
import pytest
from steering_reliability.analysis.claims import CLAIMS_COLUMNS, claims_table
from steering_reliability.analysis.evidence import weigh_evidence
from steering_reliability.analysis.sanity_checks import sanity_checks
from steering_reliability.analysis.summary import summarise
from synthetic_run import completion, realistic_results, tiny_results

N = 60


def story(*, train: int, test: int, benign: int, baseline: int = 12, layer: int = 14) -> list[dict]:
    """One point; how many of 60 prompts refuse in each split, unsteered `baseline` of the harmful ones."""
    before = {"harm_train": baseline, "harm_test": baseline, "benign": 0}
    after = {"harm_train": train, "harm_test": test, "benign": benign}
    return [
        completion(split, index, refused=index < count, alpha=alpha) | {"layer": layer}
        for split in before
        for alpha, count in ((0.0, before[split]), (0.5, after[split]))
        for index in range(N)
    ]


def claims(rows: list[dict] | pd.DataFrame) -> pd.DataFrame:
    results = pd.DataFrame(rows)
    summary = summarise(results)
    sanity = sanity_checks(results, summary=summary)
    return weigh_evidence(results, summary=summary, sanity=sanity, seed=0)["claims"].set_index("claim")


def test_a_planted_gap_is_a_failure_of_generalization():
    table = claims(story(train=55, test=18, benign=5))
    assert table.loc["failure of generalization", "verdict"] == "shown"
    assert table.loc["failure of generalization", "value"] == pytest.approx((55 - 12 - 18 + 12) / N, abs=0.1)
    assert "less on shifted prompts" in table.loc["failure of generalization", "sentence"]


def test_without_a_gap_none_is_claimed_and_what_is_not_excluded_is_said():
    row = claims(story(train=40, test=40, benign=5)).loc["failure of generalization"]
    assert row["verdict"] == "cannot tell"
    assert "is not excluded" in row["sentence"]


@pytest.mark.parametrize(("benign", "verdict"), [(0, "cannot tell"), (30, "shown")])
def test_a_loss_of_helpfulness_is_a_trade_off(benign, verdict):
    row = claims(story(train=40, test=40, benign=benign)).loc["trade-off"]
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx(-benign / N)


@pytest.mark.parametrize(("test", "verdict"), [(40, "shown"), (13, "cannot tell")])
def test_an_effect_needs_an_interval_without_zero_and_a_corrected_p(test, verdict):
    row = claims(story(train=40, test=test, benign=0)).loc["effect out of distribution"]
    assert row["verdict"] == verdict
    assert row["n"] == N


def test_the_surest_point_is_claimed_beside_the_recommended_one():
    # Layer 18 refuses far more, at a cost that keeps it from being recommended.
    rows = story(train=16, test=14, benign=0) + story(train=58, test=57, benign=40, layer=18)
    table = claims(rows)
    assert table.loc["effect out of distribution", ["where", "verdict"]].tolist() == [
        "add, layer 14, alpha 0.5",
        "cannot tell",
    ]
    assert table.loc["effect out of distribution, surest point", ["where", "verdict"]].tolist() == [
        "add, layer 18, alpha 0.5",
        "shown",
    ]
    assert table.loc["trade-off, surest point", "value"] == pytest.approx(-40 / N)


def test_layers_that_differ_are_named():
    rows = story(train=40, test=50, benign=5) + story(train=40, test=15, benign=5, layer=18)
    row = claims(rows).loc["layer difference"]
    assert (row["verdict"], row["where"]) == ("shown", "add 0.5: layer 14 minus 18")
    assert row["value"] == pytest.approx(35 / N)


@pytest.mark.parametrize(("baseline", "verdict"), [(0, "not claimed"), (20, "can be tested")])
def test_no_robustness_is_claimed_of_a_model_that_hardly_refuses(baseline, verdict):
    assert (
        claims(story(train=40, test=40, benign=0, baseline=baseline)).loc["robustness of refusal", "verdict"] == verdict
    )


def test_the_made_up_run_gets_all_three_of_the_plans_claims_and_its_checks():
    table = claims(realistic_results())
    assert table.loc[["effect out of distribution", "trade-off", "layer difference"], "verdict"].eq("shown").all()
    assert table.loc["check: random direction", "verdict"] == "stronger than random"
    # Study minus control, as the sentence has it.
    assert table.loc["at equal KL: random direction", "value"] > 0.2
    assert sum(name.startswith("check: ") for name in table.index) == 6


def test_a_run_of_three_prompts_claims_nothing():
    table = claims(tiny_results())
    assert not table["verdict"].eq("shown").any()
    assert list(table.reset_index().columns) == CLAIMS_COLUMNS


def test_without_a_steered_point_the_table_still_has_its_columns():
    results = tiny_results()
    table = claims(results[results["from_baseline"]])
    assert set(table.index) == {"layer difference", "robustness of refusal"}
    # An empty cell of a CSV would come back as a number.
    assert all(table["where"])


def test_an_absent_table_is_no_data():
    empty = weigh_evidence(
        tiny_results(),
        summary=summarise(tiny_results()),
        sanity=sanity_checks(tiny_results(), summary=summarise(tiny_results())),
        seed=0,
    )
    names = ("tests", "gap_tests", "layer_differences")
    tests, gaps, layers = (empty[name].head(0) for name in names)
    table = claims_table(
        summarise(tiny_results()), tests=tests, gaps=gaps, layers=layers, sanity=pd.DataFrame(columns=["statistic"]),
        equal_kl=empty["equal_kl"],
    )  # fmt: skip
    assert table.set_index("claim").loc["trade-off", "sentence"].endswith("no data.")
