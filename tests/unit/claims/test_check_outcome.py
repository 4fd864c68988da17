"""Checks are counted by what their verdicts mean."""

import pandas as pd
from steering_reliability.claims.check_outcome import check_counts, check_outcome, checks_of


def test_every_verdict_that_decides_something_is_counted_and_no_other():
    decided = {"same verdict": "pass", "survives": "pass", "differs": "fail", "depends on the rule": "fail"}
    decided |= {"cannot tell": "undecided", "not a test": "undecided", "out of range": "undecided"}
    assert {verdict: check_outcome(verdict) for verdict in decided} == decided


def test_checks_that_fail_stand_first_and_claims_are_none():
    names = ["effect on harm_test", "check: a", "check: b", "at equal KL: c", "check: d"]
    verdicts = ["shown", "survives", "cannot tell", "more than random", "differs"]
    claims = pd.DataFrame({"claim": names, "verdict": verdicts})
    assert checks_of(claims)["claim"].tolist() == ["check: d", "check: b", "check: a", "at equal KL: c"]
    assert check_counts(claims) == "2 pass, 1 fails, 1 undecided"
    assert check_counts(claims[:2]) == "1 passes, 0 fail, 0 undecided"
    assert check_counts(claims[:1]) == "none were run"
