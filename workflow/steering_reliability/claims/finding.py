"""What a run found, in two sentences that the page, the terminal and the write-up share."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from steering_reliability.claims.check_outcome import control_caution
from steering_reliability.claims.claim import COST, EFFECT, GAP, LAYERS, ROBUSTNESS, is_suggestive
from steering_reliability.claims.claims import CHECKS, MOST_SIGNIFICANT
from steering_reliability.claims.free_effect import FREE, SMALL
from steering_reliability.results.schema import TableRow, as_records, steered_points
from steering_reliability.text.layers import layer_words, point_words
from steering_reliability.text.numbers import interval, percent, rounded, signed

_REFUSAL: Final = "refusal of new harmful requests"
_HELP: Final = "helpful answers to harmless ones"

_GAPS: Final = {
    "less": "It does less to new requests than to familiar ones",
    "more": "It does more to new requests than to familiar ones",
    "opposite": "On new and on familiar requests it works in opposite ways",
    "equal": "It does as much to new requests as to familiar ones, within the margin of the claim",
    "floor": "Fewer answers change on new requests than on familiar ones, but a floor or ceiling may explain it",
    "ceiling": "More answers change on new requests than on familiar ones, but a floor or ceiling may explain it",
}


_SHORT: Final = {
    EFFECT: "Refusal of new harmful requests",
    GAP: "Change on familiar minus new requests",
    COST: "Helpful answers to harmless requests",
    FREE: "An effect without its cost",
    LAYERS: "Refusal at one layer minus another",
}


def finding(claims: pd.DataFrame, *, summary: pd.DataFrame) -> tuple[str, ...]:
    """Return the finding: what steering does and costs, then whether it comes without the cost and how it carries over.

    "Raises" and "cuts" are said of claims that are `shown` alone. The sentences are about the recommended point, or
    where no effect is shown there about the most significant point that has one. Where random directions leave an
    effect open, a third sentence says so.
    """
    found = _by_name(claims)
    if EFFECT not in found:
        return ("This run makes no claims.",)
    at = _where_shown(found)
    effect = found[EFFECT + at]
    cost, gap = (_claim_at(found, (name + at, name), where=effect["where"]) for name in (COST, GAP))
    sentences = [_first(effect, cost=cost, summary=summary), _second(found.get(FREE, {}), gap=gap)]
    if effect["verdict"] == "shown":
        sentences.append(control_caution(claims, where=effect["where"]))
    return tuple(filter(None, sentences))


def verdict_words(claim: TableRow) -> str:
    """Return the verdict of a claim, with what lies between yes and no."""
    if claim["verdict"] == "cannot tell" and not math.isnan(claim["n_tests"]) and is_suggestive(claim):
        return f"suggestive, not after correcting for {claim['n_tests']:.0f} tests"
    return str(claim["verdict"])


def main_claims(claims: pd.DataFrame) -> list[TableRow]:
    """Return the five claims that a reader sees first: those of the finding, and the difference of layers."""
    found = _by_name(claims)
    if EFFECT not in found:
        return []
    effect = found[EFFECT + _where_shown(found)]
    at = effect["where"]
    named = [_claim_at(found, (name + MOST_SIGNIFICANT, name), where=at) for name in (GAP, COST)]
    chosen = [effect, *(one or found[name] for one, name in zip(named, (GAP, COST), strict=True))]
    return [*chosen, *(found[name] for name in (FREE, LAYERS) if name in found)]


def other_claims(claims: pd.DataFrame) -> list[TableRow]:
    """Return the claims that are none of `main_claims` and check none."""
    first = [row["claim"] for row in main_claims(claims)]
    own = claims[~claims["claim"].astype(str).str.startswith(CHECKS)]
    return [row for row in as_records(own) if row["claim"] not in first]


def short_name(claim: TableRow) -> str:
    """Return what a claim measures."""
    name = str(claim["claim"]).removesuffix(MOST_SIGNIFICANT)
    return _SHORT.get(name, name)


def interval_words(claim: TableRow) -> str:
    """Return the interval of a claim's change, with the corrected one of a suggestive claim; empty where none is."""
    ends = "" if math.isnan(claim["low"]) else f" ({interval(claim['low'], claim['high'])})"
    if is_suggestive(claim) and not math.isnan(claim["corrected_low"]):
        return f"{ends}, corrected {interval(claim['corrected_low'], claim['corrected_high'])}"
    return ends


def short_words(claim: TableRow) -> str:
    """Return a claim in one line: what is measured, the change in points and its interval."""
    if claim["claim"] in (FREE, ROBUSTNESS) or math.isnan(claim["value"]):
        return short_name(claim)
    return f"{short_name(claim)}: {signed(claim['value'])} points{interval_words(claim)}"


def setting_words(point: str, *, summary: pd.DataFrame) -> str:
    """Return what is done at a point, named as in claims.csv: `Adding the direction at layer 22 (76% of the norm)`."""
    rows = [row for row in as_records(steered_points(summary)) if point_words(row) == point]
    if not rows:
        return f"Steering ({point})"
    row = rows[0]
    where = f"at {layer_words(row['layer'])}"
    alpha, strength = row["alpha"], abs(row["relative_strength"])
    share = "" if alpha == 1 else f"{100 * alpha:g}% of "
    size = "" if math.isnan(strength) else f" ({percent(strength)} of the residual norm)"
    return {
        "add": f"{'Adding' if alpha > 0 else 'Subtracting'} the direction {where}{size}",
        "add_keep_norm": f"{'Adding' if alpha > 0 else 'Subtracting'} the direction {where}, with the norm kept{size}",
        "clamp": f"Clamping the residual stream along the direction {where}, alpha {alpha:g}",
        "ablate": f"Removing {share}the direction {where}",
        "ablate_affine": f"Removing {share}the direction {where}, down to its mean on the complying side",
    }[row["intervention"]]


def _by_name(claims: pd.DataFrame) -> dict[str, TableRow]:
    # An empty finding is read back as NaN. Of several checks of one name the first counts.
    rows = [row | {"finding": row["finding"] if isinstance(row["finding"], str) else ""} for row in as_records(claims)]
    return {row["claim"]: row for row in reversed(rows)}


def _where_shown(found: Mapping[str, TableRow]) -> str:
    """The end of the names of the claims that the finding is about."""
    strongest = found.get(EFFECT + MOST_SIGNIFICANT, {})
    return MOST_SIGNIFICANT if strongest.get("verdict") == "shown" != found[EFFECT]["verdict"] else ""


def _claim_at(found: Mapping[str, TableRow], names: Sequence[str], *, where: str) -> TableRow:
    """The first of these claims that is made there; empty where none is."""
    return next((found[name] for name in names if found.get(name, {}).get("where") == where), {})


def _first(effect: TableRow, *, cost: TableRow, summary: pd.DataFrame) -> str:
    if effect["verdict"] == "no data":
        return f"It is unknown whether steering changes {_REFUSAL}: completions are missing."
    does = setting_words(effect["where"], summary=summary)
    rates = f"from {percent(effect['before'])} to {percent(effect['after'])}"
    if effect["verdict"] == "shown":
        return f"{does} {effect['finding']} {_REFUSAL} {rates}, {_cost(cost)}."
    start = "It is suggested, not shown, that" if is_suggestive(effect) else "It is not shown that"
    ends = f", and it {_cost(cost).removeprefix('and ')}" if cost.get("verdict") == "shown" else ""
    return f"{start} {does[0].lower()}{does[1:]} changes {_REFUSAL}: it went {rates}, {_points(effect)}{ends}."


def _cost(cost: TableRow) -> str:
    if cost.get("verdict", "no data") == "no data":
        return "at a cost that is not tested there"
    rates = f"from {percent(cost['before'])} to {percent(cost['after'])}"
    if cost["verdict"] == "shown":
        return f"and {'cuts' if cost['finding'] == 'lowers' else 'raises'} {_HELP} {rates}"
    return f"and no cost is shown: {_HELP} went {rates}, {_points(cost)}"


def _points(claim: TableRow) -> str:
    if math.isnan(claim["low"]):
        return "no interval"
    return f"95% interval of the change {interval(claim['low'], claim['high'])} points"


def _second(free: TableRow, *, gap: TableRow) -> str:
    parts = [_gap(gap)]
    small = f"a loss of helpful answers that is certain to stay below {rounded(100 * SMALL)} points"
    if free.get("verdict") == "shown":
        parts = [f"Refusal changes with {small} at {free['where']}", *parts]
    elif free.get("verdict") == "cannot tell" and not math.isnan(free["value"]):
        parts = [f"No setting is shown to change refusal with {small}", *parts]
    return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])]) + "."


def _gap(gap: Mapping[str, Any]) -> str:
    if not gap or gap["verdict"] == "no data":
        return "It is unknown whether it does as much to new requests as to familiar ones"
    if gap["finding"]:
        return f"{_GAPS[gap['finding']]} (a gap of {rounded(100 * abs(gap['value']))} points)"
    if math.isnan(gap["low"]):
        return "Whether it does as much to new requests as to familiar ones cannot be told from these prompts"
    largest = rounded(100 * max(abs(gap["low"]), abs(gap["high"])))
    return (
        f"Whether it does as much to new requests as to familiar ones is open: with {gap['n']} prompts a gap of "
        f"{largest} points is not excluded"
    )
