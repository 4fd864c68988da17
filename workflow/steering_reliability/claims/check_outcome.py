"""What the verdict of a check means: it passes, it fails, or it leaves the question open."""

from collections import Counter
from typing import Final, Literal

import pandas as pd

from steering_reliability.claims.claims import CHECKS

Outcome = Literal["pass", "fail", "undecided"]

_PASS: Final = {
    "same verdict",
    "agrees",
    "survives",
    "stronger than random",
    "stronger than shuffled",
    "more than random",
}
_FAIL: Final = {"depends on the rule", "differs", "partly explained", "explained away"}


def check_outcome(verdict: str) -> Outcome:
    """Return what a check's verdict in claims.csv says of the study; whatever decides nothing is undecided."""
    return "pass" if verdict in _PASS else "fail" if verdict in _FAIL else "undecided"


def checks_of(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that check others, each with its `outcome`; those that fail first, those that pass last."""
    checks = claims[claims["claim"].astype(str).str.startswith(CHECKS)]
    checks = checks.assign(outcome=checks["verdict"].map(check_outcome))
    order = checks["outcome"].map(["fail", "undecided", "pass"].index)
    return checks.iloc[order.argsort(kind="stable")]


def check_counts(claims: pd.DataFrame) -> str:
    """Return how many checks pass, fail and decide nothing: `12 pass, 1 fails, 3 undecided`."""
    counts = Counter(checks_of(claims)["outcome"])
    if not counts:
        return "none were run"
    fails = "fails" if counts["fail"] == 1 else "fail"
    passes = "passes" if counts["pass"] == 1 else "pass"
    return f"{counts['pass']} {passes}, {counts['fail']} {fails}, {counts['undecided']} undecided"


def control_caution(claims: pd.DataFrame, *, where: str) -> str:
    """Return what random directions leave open of an effect at a point, named as in claims.csv; empty where nothing."""
    ranks = claims[claims["claim"] == "check: random directions"]
    here = ranks[[f", {where}," in f", {one}," for one in ranks["where"].astype(str)]]
    if ranks.empty:
        return "No random direction was run, so any vector of this length may do the same."
    if here.empty:
        return "No random direction was run at this setting, so any vector of this length may do the same."
    if (here["verdict"].map(check_outcome) == "pass").any():
        return ""
    if (here["verdict"] == "not a test").all():
        return "The setting was chosen by its effect, so its rank among random directions is no test."
    return "Random directions of the same length do not rule out that any vector does the same."
