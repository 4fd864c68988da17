"""What may be claimed of a run, each with its number, its intervals, its corrected p and one sentence."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pandas as pd

from steering_reliability.claims.claim import (
    CLAIMS_COLUMNS,
    COST,
    EFFECT,
    GAP,
    LAYERS,
    QUESTIONS,
    Claim,
    change_claim,
    gap_claim,
    robustness_claim,
)
from steering_reliability.claims.corrected import with_corrected_interval
from steering_reliability.claims.free_effect import free_effect_claim
from steering_reliability.claims.headline import Headline
from steering_reliability.evidence.cluster_counts import ClusterCounts
from steering_reliability.results.schema import POINT_KEYS, TableRow, as_records

CHECKS: Final = ("check: ", "at equal KL: ")
"""How the names of claims begin that check others."""

NOT_A_CLAIM: Final = ("cosine", "effect on")
"""How the statistics of checks begin that judge no claim."""

MOST_SIGNIFICANT: Final = ", most significant point"


def claims_table(
    headline: Headline, *, by_opening: Headline, counts: ClusterCounts, sanity: pd.DataFrame, equal_kl: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per claim, with its verdict and a sentence.

    A claim is `shown` where its interval excludes 0 and its p, corrected as in `headline_tests`, is at most 0.05;
    `cannot tell` otherwise; `no data` where a split is missing. Claims of an effect, its gap and its cost are made at
    the recommended point and, where it is another one, at the point of the grid with the smallest p. Each is made again
    with the opening rule in place of the metric, and a check says whether it depends on the rule.

    Returns:
        Columns `CLAIMS_COLUMNS`; differences of rates as fractions; missing is NaN with n = 0.
    """
    chosen = _most_significant(headline)
    rows = list(_headline_claims(headline, chosen, counts=counts))
    rows += _rule_checks(rows, list(_headline_claims(by_opening, chosen, counts=counts)))
    rows += [
        *_checks(sanity, "check"),
        *_checks(equal_kl[equal_kl["verdict"].notna() & (equal_kl["outcome"] == "refusal rate")], "at equal KL"),
    ]
    rows.append(robustness_claim(counts, n_tests=headline.n_tests))
    rows.append(free_effect_claim(headline, counts=counts))
    return pd.DataFrame(rows, columns=CLAIMS_COLUMNS)


def _headline_claims(headline: Headline, chosen: Sequence[TableRow], *, counts: ClusterCounts) -> Iterator[Claim]:
    n_recommended = sum(int(table["p"].notna().sum()) for table in headline.recommended)
    effect, gap, cost = (
        with_corrected_interval((as_records(table) or [{}])[0], counts=counts, n_tests=n_recommended)
        for table in headline.recommended
    )
    effects = {_key(row): row for row in as_records(headline.effects)}
    yield change_claim(EFFECT, effect, split="harm_test")
    yield gap_claim(GAP, gap, effect=effect)
    yield change_claim(COST, cost, split="benign")
    for name, table, point in zip(QUESTIONS, (headline.effects, headline.gaps, headline.costs), chosen, strict=False):
        found = next((row for row in as_records(table) if _key(row) == _key(point)), {}) if point else {}
        # At the recommended point the claim is made already, and pays for three tests only.
        if not found or (effect and _key(found) == _key(effect)):
            continue
        found = with_corrected_interval(found, counts=counts, n_tests=headline.n_tests)
        if name == GAP:
            yield gap_claim(name + MOST_SIGNIFICANT, found, effect=effects.get(_key(found), {}), chosen_by_p=True)
        else:
            split = "benign" if name == COST else "harm_test"
            yield change_claim(name + MOST_SIGNIFICANT, found, split=split, chosen_by_p=True)
    pair = with_corrected_interval(_same_pair(headline.layers, chosen[3]), counts=counts, n_tests=headline.n_tests)
    yield change_claim(LAYERS, pair, split="harm_test", chosen_by_p=True)


def _most_significant(headline: Headline) -> list[TableRow]:
    """Per question, and for the layers, the row of the grid with the smallest p."""
    tables = (headline.effects, headline.gaps, headline.costs, headline.layers)
    known = [table.dropna(subset=["p"]).sort_values("p", kind="stable").head(1) for table in tables]
    return [(as_records(table) or [{}])[0] for table in known]


def _key(row: TableRow) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in POINT_KEYS)


def _same_pair(layers: pd.DataFrame, pair: TableRow) -> TableRow:
    keys = ("direction", "intervention", "alpha", "seed", "layer", "other_layer")
    return next((row for row in as_records(layers) if pair and all(row[key] == pair[key] for key in keys)), {})


def _rule_checks(claims: Sequence[Claim], by_opening: Sequence[Claim]) -> Iterator[Claim]:
    others = {claim["claim"]: claim for claim in by_opening}
    for claim in claims:
        other = others.get(claim["claim"])
        if other is None or "no data" in (claim["verdict"], other["verdict"]):
            continue
        same = (claim["verdict"], claim["finding"]) == (other["verdict"], other["finding"])
        verdict = (
            "depends on the rule" if not same else "same verdict" if claim["verdict"] == "shown" else "cannot tell"
        )
        words = {
            "same verdict": "Counting refusals by their opening alone gives the same verdict",
            "depends on the rule": "The claim depends on how refusals are counted. By their opening alone",
            "cannot tell": "Counting refusals by their opening alone shows nothing either",
        }
        sentence = f"{words[verdict]}: {other['sentence']}"
        kept = ("value", "low", "high", "corrected_low", "corrected_high", "n_tests", "n", "n_clusters", "p")
        numbers = {name: other[name] for name in (*kept, "p_corrected")}
        yield {
            **{"claim": f"check: opening rule, {claim['claim']}", "verdict": verdict, "finding": other["finding"]},
            **{**numbers, "where": claim["where"], "sentence": sentence},
        }


def _checks(table: pd.DataFrame, kind: str) -> Iterator[Claim]:
    judged = table[~table["statistic"].str.startswith(NOT_A_CLAIM)] if "statistic" in table else table
    for row in as_records(judged):
        numbers = {name: row[name] for name in ("value", "low", "high", "n", "verdict", "sentence")}
        yield {"claim": f"{kind}: {row['check']}", "where": row["condition"], "p": row["p"], "finding": "", **numbers}
