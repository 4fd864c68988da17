import pandas as pd
import pytest
from steering_reliability.claims.claim import CLAIMS_COLUMNS
from steering_reliability.claims.finding import finding
from steering_reliability.commands.summary import summary_lines
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.errors import InputError
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.tables import write_table
from steering_reliability.run.plan import plan_run
from steering_reliability.statistics.intervals import wilson_interval


@pytest.fixture
def lines_of(config, monkeypatch, tmp_path):
    """Return a function that leaves a run's tables and describes it."""
    from synthetic_run import realistic_results

    monkeypatch.chdir(WORKFLOW)

    def describe(results=None, *, claims=()):
        summary = summarise(realistic_results() if results is None else results)
        write_table(summary, tmp_path / "run/tables/summary.csv")
        write_table(pd.DataFrame(claims, columns=CLAIMS_COLUMNS), tmp_path / "run/tables/claims.csv")
        return list(summary_lines(plan_run(read_config(config))))

    return describe


def test_an_unfinished_run_is_named(config, monkeypatch):
    monkeypatch.chdir(WORKFLOW)
    with pytest.raises(InputError, match="not finished"):
        list(summary_lines(plan_run(read_config(config))))


def test_a_table_then_the_finding_of_the_claims_then_the_report(lines_of):
    from simulations.null_reports import claims_of
    from synthetic_run import realistic_results

    claims = claims_of(realistic_results()).reset_index()
    lines = lines_of(claims=claims)
    # 7 of 60 prompts refuse: 12%, from 6 to 22.
    _, low, high = wilson_interval(7, 60)
    assert (round(100 * float(low)), round(100 * float(high))) == (6, 22)
    assert lines[3].split()[:3] == ["unsteered", "12%", "(6-22)"]
    assert "(best)" in lines[4]
    said = finding(claims, summary=summarise(realistic_results()))
    assert " ".join(lines[9:-2]) == " ".join(said)
    assert said[0].startswith("Adding the direction at layer 14 (40% of the residual norm) raises refusal")
    assert max(map(len, lines[9:-1])) <= 100
    assert lines[-2].startswith("checks: 5 pass, 0 fail, 2 undecided")
    assert lines[-1].startswith("report: ") and "file://" in lines[-1]


def test_an_interval_goes_from_low_to_high_and_what_is_missing_is_no_number(lines_of):
    from synthetic_run import completion

    # 13 of 40: 32.5%. One template of harm_train, so no interval; no benign prompts, so no rate.
    rows = [completion("harm_test", index, refused=index < 13) for index in range(40)]
    rows += [completion("harm_train", index, refused=index < 1) | {"cluster": "one"} for index in range(8)]
    assert lines_of(pd.DataFrame(rows))[3].split() == ["unsteered", "13%", "33%", "(20-48)", "-", "-"]
