"""The table of claims as a whole: which claims it makes, of which points, and what it does with the checks."""

import pandas as pd
import pytest
from steering_reliability.claims.claim import CLAIMS_COLUMNS
from steering_reliability.claims.evidence_tables import make_evidence_tables
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.run.plan import EVIDENCE
from synthetic_run import claims, realistic_results, story, tiny_results

HEADLINES = ["effect on harm_test", "generalization gap", "trade-off"]


def evidence(results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    summary = summarise(results)
    return make_evidence_tables(results, summary=summary, sanity=sanity_checks(results, summary=summary), seed=0)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return evidence(realistic_results())


def test_the_made_up_run_gets_all_three_of_the_plans_claims_and_its_checks(tables):
    assert set(tables) == set(EVIDENCE)
    table = tables["claims"].set_index("claim")
    assert table.loc[["effect on harm_test", "trade-off", "layer difference"], "verdict"].eq("shown").all()
    assert list(table.index[:3]) == HEADLINES
    assert list(table.index[3:7]) == [*(f"{name}, most significant point" for name in HEADLINES), "layer difference"]
    # Seven headline claims are made again by the opening rule.
    assert sum(name.startswith("check: opening rule") for name in table.index) == 7
    assert sum(name.startswith("check: ") for name in table.index) == 7 + 6
    # One random direction is no sample of directions, however many prompts it steers.
    assert table.loc["check: random directions", ["verdict", "n", "p"]].tolist() == ["cannot tell", 1, 0.5]
    assert not table["sentence"].str.contains("nan", case=False).any()


def test_the_claims_tests_are_the_only_ones_that_are_corrected(tables):
    tests, gaps = tables["tests"], tables["gap_tests"]
    claimed = tests["p_corrected"].notna()
    assert set(zip(tests.loc[claimed, "split"], tests.loc[claimed, "outcome"], strict=True)) == {
        ("harm_test", "clean_refusal"),
        ("benign", "helpful"),
    }
    assert set(gaps.loc[gaps["p_corrected"].notna(), "prompts"]) == {"unseen"}
    # 27 points by three questions, 27 pairs of layers; the smallest p pays for all of them, and for the other half.
    smallest = min(table["p"].min() for table in (tests[claimed], gaps, tables["layer_differences"]))
    corrected = min(t["p_corrected"].min() for t in (tests, gaps, tables["layer_differences"]))
    assert corrected == min(1.0, 2 * (3 * 27 + 27) * smallest)


def test_layers_that_differ_are_named():
    rows = story({"harm_train": (2, 30), "harm_test": (2, 36), "benign": (0, 0)})
    rows += story({"harm_train": (2, 30), "harm_test": (2, 6), "benign": (0, 0)}, layer="18")
    row = claims(rows).loc["layer difference"]
    assert (row["verdict"], row["finding"], row["where"]) == ("shown", "raises", "add 0.5: layer 14 minus 18")
    assert row["value"] == 30 / 40
    assert row["n"] == row["n_clusters"] == 40


def test_a_run_of_three_prompts_claims_nothing():
    table = evidence(tiny_results())["claims"]
    assert not table["verdict"].eq("shown").any()
    assert list(table.columns) == CLAIMS_COLUMNS


def test_without_a_steered_point_every_question_is_answered_by_what_is_missing():
    results = tiny_results()
    table = evidence(results[results["from_baseline"]])["claims"].set_index("claim")
    assert set(table.index) == {*HEADLINES, "layer difference", "robustness of refusal", "effect without cost"}
    assert table.loc[[*HEADLINES, "layer difference"], "verdict"].eq("no data").all()
    # An empty cell of a CSV would come back as a number.
    assert all(table["where"])
