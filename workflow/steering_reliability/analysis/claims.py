"""What may be claimed of a run, each with its number, its interval, its corrected p and one sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.schema import POINT_KEYS, as_records

CLAIMS_COLUMNS: Final = ["claim", "verdict", "value", "low", "high", "n", "p", "p_holm", "where", "sentence"]

_LEVEL: Final = 0.05
_TOUCHES_ZERO: Final = 0.01

Row = Mapping[str, Any]
Claim = dict[str, Any]


def claims_table(
    summary: pd.DataFrame,
    *,
    tests: pd.DataFrame,
    gaps: pd.DataFrame,
    layers: pd.DataFrame,
    sanity: pd.DataFrame,
    equal_kl: pd.DataFrame,
) -> pd.DataFrame:
    """Say what the data show, do not show, or cannot tell.

    A claim is `shown` where its interval excludes 0 and its p, corrected by Holm over the grid it was chosen from, is
    at most 0.05; `cannot tell` otherwise. Claims of an effect, its gap and its cost are made at the recommended point,
    and at the point of the grid with the smallest corrected p (`surest point`); the layer difference at the pair of
    layers and the strength with the smallest. Robustness is `not claimed` where
    the unsteered model hardly refuses.

    Args:
        summary: From `summarise`.
        tests: From `tests_table`.
        gaps: From `gap_tests`.
        layers: From `layer_differences`.
        sanity: From `sanity_checks`.
        equal_kl: From `equal_kl_table`.

    Returns:
        Columns `CLAIMS_COLUMNS`; differences of rates as fractions; missing is NaN with n = 0.
    """
    best = recommended_point(summary)
    rows: list[Claim] = []
    for make, table in (
        (_effect, _of(tests, "harm_test", "refusal")),
        (_gap, gaps),
        (_trade_off, _of(tests, "benign", "helpful")),
    ):
        if best is not None:
            rows.append(make(best, table))
        if len(surest := _surest(table)):
            claim = make(surest, table)
            rows.append({**claim, "claim": f"{claim['claim']}, surest point"})
    rows += [_layer_difference(layers), *_checks(sanity), *_at_equal_kl(equal_kl), _robustness(summary)]
    return pd.DataFrame(rows, columns=CLAIMS_COLUMNS)


def _effect(best: Row, tests: pd.DataFrame) -> Claim:
    found = _at(tests, best)
    words = {
        "shown": "Steering changes refusal on the shifted prompts",
        "cannot tell": "The data cannot tell whether steering changes refusal on the shifted prompts",
    }
    return _claim("effect out of distribution", found, "difference", words, where=_place(best))


def _gap(best: Row, gaps: pd.DataFrame) -> Claim:
    unseen = _at(gaps[gaps["prompts"] == "unseen"], best)
    found = unseen if unseen and unseen["n_train"] > 0 else _at(gaps[gaps["prompts"] == "all"], best)
    if found:
        found = {**found, "n": int(found["n_train"] + found["n_test"])}
    more = "less" if found and found["effect_gap"] > 0 else "more"
    words = {
        "shown": f"Generalization fails in part: steering does {more} on shifted prompts than on ones like those that "
        "built it",
        "cannot tell": "The data cannot tell whether steering does as much on shifted prompts",
    }
    claim = _claim("failure of generalization", found, "effect_gap", words, where=_place(best))
    if claim["verdict"] == "cannot tell" and found:
        largest = max(abs(found["low"]), abs(found["high"]))
        claim["sentence"] += f" A gap of {100 * largest:.0f} points is not excluded."
    return claim


def _trade_off(best: Row, tests: pd.DataFrame) -> Claim:
    found = _at(tests, best)
    words = {
        "shown": "There is a trade-off: steering changes how often benign prompts are answered helpfully",
        "cannot tell": "The data cannot tell whether steering costs helpfulness",
    }
    return _claim("trade-off", found, "difference", words, where=_place(best))


def _layer_difference(layers: pd.DataFrame) -> Claim:
    found = _surest(layers, ties=["alpha", "layer", "other_layer"])
    pair = "no two layers at one strength"
    if found:
        pair = f"{found['intervention']} {found['alpha']:g}: layer {found['layer']} minus {found['other_layer']}"
    words = {
        "shown": "Layers differ in how much refusal they give on the shifted prompts",
        "cannot tell": "The data cannot tell the layers apart",
    }
    return _claim("layer difference", found, "difference", words, where=pair)


def _checks(sanity: pd.DataFrame) -> Iterator[Claim]:
    judged = sanity[~sanity["statistic"].str.startswith(("cosine", "effect on"))]
    for row in as_records(judged):
        numbers = {name: row[name] for name in ("value", "low", "high", "n", "verdict", "sentence")}
        yield {"claim": f"check: {row['check']}", "where": row["condition"], "p": float("nan"), **numbers}


def _at_equal_kl(equal_kl: pd.DataFrame) -> Iterator[Claim]:
    for row in as_records(equal_kl[equal_kl["outcome"] == "refusal rate"]):
        numbers = {name: row[name] for name in ("value", "low", "high", "n", "verdict", "sentence")}
        yield {"claim": f"at equal KL: {row['check']}", "where": row["condition"], "p": float("nan"), **numbers}


def _robustness(summary: pd.DataFrame) -> Claim:
    baseline = summary[(summary["role"] == "main") & summary["from_baseline"].astype(bool)].head(1)
    row = as_records(baseline)[0] if len(baseline) else None
    numbers = {part: float(row[f"refusal_harm_test{part}"]) if row else float("nan") for part in ("", "_low", "_high")}
    weak = row is None or numbers["_low"] <= _TOUCHES_ZERO
    sentence = (
        "The unsteered model hardly refuses: that ablation or other prompts leave refusal as it was is no sign of "
        "robustness, and none is claimed."
        if weak
        else "The unsteered model refuses often enough for a loss of refusal to be seen."
    )
    return {
        **{"claim": "robustness of refusal", "verdict": "not claimed" if weak else "can be tested"},
        **{"value": numbers[""], "low": numbers["_low"], "high": numbers["_high"], "p": float("nan")},
        **{"n": int(row["refusal_harm_test_n"]) if row else 0, "where": "baseline, harm_test", "sentence": sentence},
    }


def _of(tests: pd.DataFrame, split: str, outcome: str) -> pd.DataFrame:
    return tests[(tests["split"] == split) & (tests["outcome"] == outcome)]


def _surest(table: pd.DataFrame, *, ties: Sequence[str] = POINT_KEYS) -> Row:
    """The point of the grid with the smallest corrected p, which pays for having been sought."""
    headline = table[table["prompts"] == "unseen"] if "prompts" in table else table
    known = headline.dropna(subset=["p_holm"]).sort_values(["p_holm", "p", *ties])
    return as_records(known.head(1))[0] if len(known) else {}


def _at(table: pd.DataFrame, point: Row) -> Row:
    here = table
    for key in POINT_KEYS:
        here = here[here[key] == point[key]]
    return as_records(here)[0] if len(here) else {}


def _claim(name: str, found: Row, value: str, words: Mapping[str, str], *, where: str) -> Claim:
    missing = float("nan")
    numbers = {part: found.get(part, missing) for part in ("low", "high", "p", "p_holm")}
    excluded = numbers["low"] > 0 or numbers["high"] < 0
    verdict = "shown" if excluded and numbers["p_holm"] <= _LEVEL else "cannot tell"
    sentence = f"{words[verdict]}: no data."
    if found and found.get("n", 0):
        value_in_points, low, high = (100 * x for x in (found[value], numbers["low"], numbers["high"]))
        interval = f"{value_in_points:+.0f} points (95% interval {low:+.0f} to {high:+.0f}"
        sentence = f"{words[verdict]}: {interval}, corrected p {numbers['p_holm']:.2g})."
    return {
        **{"claim": name, "verdict": verdict, "value": found.get(value, missing), "n": int(found.get("n", 0))},
        **{**numbers, "where": where, "sentence": sentence},
    }


def _place(point: Row) -> str:
    return f"{point['intervention']}, layer {point['layer']}, alpha {point['alpha']:g}"
