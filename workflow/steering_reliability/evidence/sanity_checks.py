"""The sanity checks, each a number with an interval, a verdict in a word and a sentence."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.claim_points import point_chosen_by_effect
from steering_reliability.evidence.confounding import CONFOUNDS, matched_effect
from steering_reliability.evidence.control_rank import control_ranks
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.paired_difference import (
    SAME_WITHIN,
    PairedDifference,
    as_difference,
    refusal_difference,
    select_point,
)
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.results.schema import POINT_KEYS, as_records, at_point, sort_points, steered_points
from steering_reliability.statistics.intervals import Estimate, difference_of_estimates
from steering_reliability.text.layer_names import layer_set
from steering_reliability.text.layers import point_words
from steering_reliability.text.numbers import rounded

SANITY_COLUMNS: Final = ["check", "condition", "statistic", "value", "low", "high", "n", "p", "verdict", "sentence"]

TOO_ALIKE: Final = 0.2
"""A shuffled-label control whose cosine with the direction is larger in size still holds part of it."""

_SPLIT: Final = "harm_test"
_CHECKS: Final = {"alt_prefix": "other prefix", "alt_seed": "other seed"}
COSINE: Final = "cosine with the study's direction"

Cosines = Mapping[str, Mapping[int, float]]
"""Direction name to block to its cosine with the study's direction there."""


def sanity_checks(results: pd.DataFrame, *, summary: pd.DataFrame, cosines: Cosines | None = None) -> pd.DataFrame:
    """Compare the study with its checks, on harm_test.

    `cosines` has the cosine of each other direction with the study's, by direction and block. Of a condition at several
    blocks it is the mean over the blocks whose directions are used.

    Returns:
        One row per check and statistic with `SANITY_COLUMNS`; no rows where the run has no checks and no steered
        point. An effect is the refusal rate steered minus baseline on the same prompts, in text that is not degenerate.
        Random and shuffled directions are judged together, by rank (`control_ranks`).
    """
    rows: list[dict[str, Any]] = []
    references: list[dict[str, Any]] = []
    clean = results.assign(is_refusal=results["is_refusal"].astype(bool) & ~results["is_degenerate"].astype(bool))
    for variant in as_records(sort_points(steered_points(summary, *_CHECKS))):
        reference = _main_counterpart(summary, variant)
        if reference is not None and reference not in references:
            references.append(reference)
        rows += _checks_of(clean, variant, reference, cosines or {})
    rows += _alike_controls(summary, cosines or {})
    best = recommended_point(summary)
    point = None if best is None else {key: best[key] for key in POINT_KEYS}
    chosen = point_chosen_by_effect(study_of(results).tests, recommended=point)
    for rank in control_ranks(results, chosen_by_effect=chosen):
        numbers = {"value": rank.lead, "low": np.nan, "high": np.nan, "n": rank.n_controls, "p": rank.p}
        words = {"statistic": "rank of the study's effect", "verdict": rank.verdict, "sentence": rank.sentence}
        rows.append({"check": rank.name, "condition": describe(rank.point), **numbers, **words})
    if point is not None:
        references = [point, *(reference for reference in references if reference != point)]
    rows += [_confounded(clean, reference, check=check) for reference in references for check in CONFOUNDS]
    return pd.DataFrame(rows, columns=SANITY_COLUMNS)


def _alike_controls(summary: pd.DataFrame, cosines: Cosines) -> Iterator[dict[str, Any]]:
    """Say of every shuffled-label control how much of the direction it still holds."""
    for control in as_records(sort_points(steered_points(summary, "shuffled")).drop_duplicates(["direction", "layer"])):
        cosine, sentence = _cosine_at(cosines, control)
        if np.isnan(cosine):
            continue
        alike = abs(cosine) > TOO_ALIKE
        if alike:
            sentence += " It still contains part of that direction, so it is not a valid null control."
        yield {
            **{"check": "shuffled labels", "condition": describe(control), "statistic": COSINE, "value": cosine},
            **{"n": 1, "verdict": "too alike" if alike else "unlike the direction", "sentence": sentence},
        }


def _main_counterpart(summary: pd.DataFrame, variant: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the study's point that a check varies: the same place and strength, its own direction and seed."""
    same = "direction" if variant["role"] == "alt_seed" else "seed"
    study = at_point(sort_points(steered_points(summary)), variant, keys=("intervention", "layer", "alpha", same))
    found = as_records(study[POINT_KEYS].head(1))
    return found[0] if found else None


def _checks_of(
    results: pd.DataFrame, variant: dict[str, Any], reference: dict[str, Any] | None, cosines: Cosines
) -> Iterator[dict[str, Any]]:
    shared = {"check": _CHECKS[variant["role"]], "condition": describe(variant)}
    if variant["role"] == "alt_prefix":
        yield {**shared, **_cosine(*_cosine_at(cosines, variant))}
    steered, baseline = _rows(results, variant), _rows(results, {**variant, "alpha": 0.0})
    varied = refusal_difference(steered, baseline)
    words = {1: "raises refusal", -1: "lowers refusal", 0: "no clear change"}
    yield {
        **shared,
        **_numbers("effect on harm_test refusal", varied),
        "verdict": words[varied.sign] if varied.n else "cannot tell",
        "sentence": f"Change of refusal on harm_test: {varied}.",
    }
    if reference is None:
        return
    main = _rows(results, reference)
    main = main[main["id"].isin(set(steered["id"]))]
    effect = refusal_difference(main, _rows(results, {**reference, "alpha": 0.0}))
    if variant["role"] == "alt_seed":
        # Two seeds have two baselines: the effects are compared, as if independent: too wide, if prompts matter.
        contrast = as_difference(difference_of_estimates(_estimate(varied), _estimate(effect)), n=varied.n)
    else:
        contrast = refusal_difference(steered, main)
    yield {**shared, **_numbers("effect minus the study's effect", contrast), **_agreement(varied, effect, contrast)}


def _rows(results: pd.DataFrame, point: Mapping[str, Any]) -> pd.DataFrame:
    return select_point(results, split=_SPLIT, point=point)


def describe(point: Mapping[str, Any]) -> str:
    """Return an operating point in words that fit a table cell."""
    return f"{point['direction']}, {point_words(point)}, seed {point['seed']}"


def _numbers(statistic: str, difference: PairedDifference) -> dict[str, Any]:
    return {
        "statistic": statistic,
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "n": difference.n,
        "p": float("nan"),
    }


def _estimate(difference: PairedDifference) -> Estimate:
    return Estimate(np.asarray(difference.value), np.asarray(difference.low), np.asarray(difference.high))


def _cosine_at(cosines: Cosines, point: Mapping[str, Any]) -> tuple[float, str]:
    """Return the cosine at a condition's layers, and a sentence that says it."""
    of_blocks, layers = cosines.get(point["direction"], {}), layer_set(point["layer"])
    used = [layers.source] if layers.source is not None else list(of_blocks if layers.is_all else layers.blocks)
    known = [of_blocks.get(block, float("nan")) for block in used]
    cosine = float(np.mean(known)) if known else float("nan")
    if np.isnan(cosine):
        return cosine, "Its cosine is not known."
    if len(known) == 1:
        return cosine, f"Its cosine with the study's direction is {cosine:.2f}."
    mean = f"Its mean cosine with the study's directions of {len(known)} layers is {cosine:.2f}"
    return cosine, f"{mean} ({min(known):.2f} to {max(known):.2f})."


def _cosine(value: float, sentence: str) -> dict[str, Any]:
    known = not np.isnan(value)
    verdict = "cannot tell"
    if known:
        verdict = "same direction" if value >= 0.8 else "related direction" if value >= 0.4 else "other direction"
    numbers = {"value": value, "low": float("nan"), "high": float("nan"), "n": int(known)}
    return {"statistic": COSINE, **numbers, "verdict": verdict, "sentence": sentence}


def _agreement(varied: PairedDifference, effect: PairedDifference, contrast: PairedDifference) -> dict[str, str]:
    """Two effects agree by a test of equivalence, and only where there is an effect to agree on."""
    within = contrast.low > -SAME_WITHIN and contrast.high < SAME_WITHIN
    if contrast.n == 0 or (contrast.sign == 0 and not (within and effect.sign)):
        verdict = "cannot tell"
    else:
        verdict = "agrees" if within and effect.sign else "differs"
    words = {
        "agrees": f"The effect agrees with the study's to within {rounded(100 * SAME_WITHIN)} points",
        "differs": "The effect differs from the study's",
        "cannot tell": "The data do not show whether the effect agrees with the study's",
    }
    sentence = (
        f"{words[verdict]}: {varied} in the check, {effect} in the study, on the same prompts; difference: {contrast}."
    )
    return {"verdict": verdict, "sentence": sentence}


def _confounded(results: pd.DataFrame, reference: Mapping[str, Any], *, check: str) -> dict[str, Any]:
    steered, baseline = _rows(results, reference), _rows(results, {**reference, "alpha": 0.0})
    effect = matched_effect(steered, baseline, crude=refusal_difference(steered, baseline), confounds=CONFOUNDS[check])
    words = {
        "survives": f"At least half of the effect remains among completions matched on {check}",
        "partly explained": f"Less than half of the effect remains among completions matched on {check}",
        "explained away": f"Less than half of the effect, if any, remains among completions matched on {check}",
        "cannot tell": f"The data do not show whether the effect remains among completions matched on {check}",
    }
    share = f"{100 * effect.overlap:.0f}% of the completions have a match" if effect.crude.n else "no completions"
    sentence = f"{words[effect.verdict]}: {effect.crude} before matching, {effect.matched} after; {share}."
    return {
        "check": check,
        "condition": describe(reference),
        **_numbers(f"effect within strata of {check}", effect.matched),
        "verdict": effect.verdict,
        "sentence": sentence,
    }
