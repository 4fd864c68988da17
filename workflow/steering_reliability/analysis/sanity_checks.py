"""The sanity checks, each a number with an interval, a verdict in a word and a sentence."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.analysis.confounding import CONFOUNDS, matched_effect
from steering_reliability.analysis.paired import Comparison, as_comparison, compare_refusals, select_point
from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.schema import POINT_KEYS, as_records, sort_points
from steering_reliability.analysis.statistics import Estimate, difference_of_estimates

SANITY_COLUMNS: Final = ["check", "condition", "statistic", "value", "low", "high", "n", "verdict", "sentence"]

_SAME: Final = 0.15
"""Two effects whose difference lies within this on either side are called the same."""

_SPLIT: Final = "harm_test"

_CHECKS: Final = {
    "alt_prefix": "other prefix",
    "alt_seed": "other seed",
    "random": "random direction",
    "shuffled": "shuffled labels",
}

Cosines = Mapping[str, Mapping[int, float]]
"""Direction name to layer to its cosine with the study's direction there."""


def sanity_checks(results: pd.DataFrame, *, summary: pd.DataFrame, cosines: Cosines | None = None) -> pd.DataFrame:
    """Compare the study with its checks, on harm_test.

    Args:
        results: Rows of results.parquet.
        summary: From `summarise`.
        cosines: Cosine of each other prefix's direction with the study's, by direction and layer.

    Returns:
        One row per check and statistic with `SANITY_COLUMNS`; no rows where the run has no checks and no steered
        point. An effect is the refusal rate steered minus baseline on the same prompts.
    """
    rows: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    for variant in as_records(_steered(summary, roles=("alt_prefix", "alt_seed", "random", "shuffled"))):
        reference = _main_counterpart(summary, variant)
        if reference is not None and reference not in references:
            references.append(reference)
        rows += _checks_of(results, variant, reference, cosines or {})
    best = recommended_point(summary)
    if best is not None:
        point = {key: best[key] for key in POINT_KEYS}
        references = [point, *(reference for reference in references if reference != point)]
    rows += [_confounded(results, reference, check=check) for reference in references for check in CONFOUNDS]
    return pd.DataFrame(rows, columns=SANITY_COLUMNS)


def _steered(summary: pd.DataFrame, *, roles: tuple[str, ...]) -> pd.DataFrame:
    return sort_points(summary[summary["role"].isin(roles) & ~summary["from_baseline"].astype(bool)])


def _main_counterpart(summary: pd.DataFrame, variant: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the study's point that a check varies: the same place and strength, its own direction and seed."""
    study = _steered(summary, roles=("main",))
    for key in ("intervention", "layer", "alpha"):
        study = study[study[key] == variant[key]]
    if variant["role"] == "alt_seed":
        study = study[study["direction"] == variant["direction"]]
    else:
        study = study[study["seed"] == variant["seed"]]
    found = as_records(study[POINT_KEYS].head(1))
    return found[0] if found else None


def _checks_of(
    results: pd.DataFrame, variant: dict[str, Any], reference: dict[str, Any] | None, cosines: Cosines
) -> Iterator[dict[str, Any]]:
    check = _CHECKS[variant["role"]]
    shared = {"check": check, "condition": describe(variant)}
    if variant["role"] == "alt_prefix":
        yield {**shared, **_cosine(cosines.get(variant["direction"], {}).get(variant["layer"], float("nan")))}
    steered, baseline = _rows(results, variant), _rows(results, {**variant, "alpha": 0.0})
    own = compare_refusals(steered, baseline)
    words = {1: "raises refusal", -1: "lowers refusal", 0: "no clear change"}
    yield {
        **shared,
        **_numbers("effect on harm_test refusal", own),
        "verdict": words[own.sign] if own.n else "cannot tell",
        "sentence": f"Refusal on harm_test changes by {own}.",
    }
    if reference is None:
        return
    ids = set(steered["id"])
    main = _rows(results, reference)
    main = main[main["id"].isin(ids)]
    before = _rows(results, {**reference, "alpha": 0.0})
    effect = compare_refusals(main, before)
    if variant["role"] == "alt_seed":
        # Two seeds have two baselines: the effects are compared, as if independent: too wide, if prompts matter.
        contrast = as_comparison(difference_of_estimates(_estimate(own), _estimate(effect)), n=own.n)
    else:
        contrast = compare_refusals(steered, main)
    if variant["role"] in ("random", "shuffled"):
        verdict = _against_control(own, effect, contrast, control=variant["role"])
    else:
        verdict = _agreement(own, effect, contrast)
    yield {**shared, **_numbers("effect minus the study's effect", contrast), **verdict}


def _rows(results: pd.DataFrame, point: Mapping[str, Any]) -> pd.DataFrame:
    return select_point(results, split=_SPLIT, point=point)


def describe(point: Mapping[str, Any]) -> str:
    """Return an operating point in words that fit a table cell."""
    place = f"{point['direction']}, {point['intervention']}, layer {point['layer']}, alpha {point['alpha']:g}"
    return f"{place}, seed {point['seed']}"


def _numbers(statistic: str, comparison: Comparison) -> dict[str, Any]:
    return {
        "statistic": statistic,
        "value": comparison.value,
        "low": comparison.low,
        "high": comparison.high,
        "n": comparison.n,
    }


def _estimate(comparison: Comparison) -> Estimate:
    return Estimate(np.asarray(comparison.value), np.asarray(comparison.low), np.asarray(comparison.high))


def _cosine(value: float) -> dict[str, Any]:
    known = value == value  # noqa: PLR0124 (NaN)
    verdict = "cannot tell"
    if known:
        verdict = "same direction" if value >= 0.8 else "related direction" if value >= 0.4 else "other direction"
    sentence = f"Its cosine with the study's direction is {value:.2f}." if known else "Its cosine is not known."
    numbers = {"value": value, "low": float("nan"), "high": float("nan"), "n": int(known)}
    return {"statistic": "cosine with the study's direction", **numbers, "verdict": verdict, "sentence": sentence}


def _agreement(own: Comparison, effect: Comparison, contrast: Comparison) -> dict[str, str]:
    if contrast.n == 0:
        verdict = "cannot tell"
    elif (own.sign == effect.sign != 0 and contrast.sign == 0) or (contrast.low > -_SAME and contrast.high < _SAME):
        verdict = "agrees"
    else:
        verdict = "differs" if contrast.sign else "cannot tell"
    words = {
        "agrees": "The study's effect is seen again",
        "differs": "The study's effect is not seen again in the same size",
        "cannot tell": "The data cannot tell whether the study's effect is seen again",
    }
    return {"verdict": verdict, "sentence": f"{words[verdict]}: {own} here, {effect} there, on the same prompts."}


def _against_control(own: Comparison, effect: Comparison, contrast: Comparison, *, control: str) -> dict[str, str]:
    # The contrast is control minus study: the study is stronger where it points away from the study's own sign.
    if contrast.n == 0 or effect.sign == 0:
        verdict = "cannot tell"
    elif contrast.sign == -effect.sign:
        verdict = f"stronger than {control}"
    elif contrast.sign == effect.sign or (contrast.low > -_SAME and contrast.high < _SAME):
        verdict = f"no stronger than {control}"
    else:
        verdict = "cannot tell"
    name = {"random": "a random one", "shuffled": "one from shuffled labels"}[control]
    words = {
        f"stronger than {control}": f"The direction moves refusal more than {name} of the same strength",
        f"no stronger than {control}": f"{name[0].upper()}{name[1:]} of the same strength does as much",
        "cannot tell": f"The data cannot tell the direction from {name} of the same strength",
    }
    return {"verdict": verdict, "sentence": f"{words[verdict]}: {effect} for the study's, {own} for the control."}


def _confounded(results: pd.DataFrame, reference: Mapping[str, Any], *, check: str) -> dict[str, Any]:
    steered, baseline = _rows(results, reference), _rows(results, {**reference, "alpha": 0.0})
    effect = matched_effect(steered, baseline, confounds=CONFOUNDS[check])
    words = {
        "survives": f"The effect remains among completions of like {check}",
        "partly explained": f"A change of {check} accounts for a good part of the effect",
        "explained away": f"Among completions of like {check} nothing of the effect is left to see",
        "cannot tell": f"The data cannot tell the effect from one of {check}",
    }
    share = f"{100 * effect.overlap:.0f}% of the completions have a counterpart" if effect.crude.n else "no completions"
    sentence = f"{words[effect.verdict]}: {effect.crude} before matching, {effect.matched} after; {share}."
    return {
        "check": check,
        "condition": describe(reference),
        **_numbers(f"effect within strata of {check}", effect.matched),
        "verdict": effect.verdict,
        "sentence": sentence,
    }
