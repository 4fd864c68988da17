"""At the same disturbance of the next token, does the direction move refusal further than a random one?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.analysis.paired import Comparison
from steering_reliability.analysis.sanity_checks import describe
from steering_reliability.analysis.schema import GROUP_KEYS, POINT_KEYS, as_records, sort_points

Array = npt.NDArray[np.float64]
Verdict = Literal["more than random", "no more than random", "cannot tell", "out of range"]

EQUAL_KL_COLUMNS: Final = [
    "check", "condition", "study", "outcome", "kl", "control_effect", "study_effect",
    "value", "low", "high", "n", "verdict", "sentence",
]  # fmt: skip

_CHECKS: Final = {"random": "random direction", "shuffled": "shuffled direction"}

_SAME: Final = {"is_refusal": 0.15, "refusal_propensity": 0.6}
"""Less than this more than a random direction is nothing to speak of.

A share of prompts, as in the sanity checks, and nats: 0.6 is what 0.15 is around a half, logit(0.575) - logit(0.425).
"""

_FEWEST: Final = 20
"""With fewer prompts resampling them understates the interval, down to nothing where all of them agree."""

_NAMES: Final = {"is_refusal": "refusal rate", "refusal_propensity": "refusal propensity (nats)"}


def equal_kl_table(
    results: pd.DataFrame, *, split: str = "harm_test", n_resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Compare each random or shuffled direction with the study's at the same first-token KL.

    The study's curve of the effect (steered minus baseline, paired by prompt) against the mean KL runs through (0, 0)
    and its points with the control's layer, intervention, seed and sign of alpha; it is read at the control's KL by
    linear interpolation in the square root of the KL, which is proportional to alpha while alpha is small. Prompts are
    the ones that all these conditions share, and are resampled for all conditions at once (percentile interval). In a
    resample in which the control's KL passes the study's largest, the study's last effect is taken.

    Args:
        results: Rows of results.parquet; refusal_propensity is compared too where it is there.
        split: Split whose prompts are compared.
        n_resamples: Bootstrap resamples of the prompts.
        seed: Seed of the resamples.

    Returns:
        One row per control point, study direction and outcome with `EQUAL_KL_COLUMNS`: kl (nats), the effects of both
        at it, value (study minus control) with its 95% interval, n prompts and a verdict. Beyond the study's largest
        KL, or with no shared prompts, value is NaN with n = 0.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13, for the percentile interval.
    """
    outcomes = [name for name in _NAMES if name in results]
    prompts = _per_prompt(results[results["split"] == split], outcomes)
    points = sort_points(prompts[[*POINT_KEYS, "from_baseline"]].drop_duplicates(POINT_KEYS))
    steered = points[~points["from_baseline"].astype(bool)]
    rows: list[dict[str, Any]] = []
    for control in as_records(steered[steered["role"].isin(list(_CHECKS))]):
        for curve in _curves(steered, control):
            for outcome in outcomes:
                sample = _shared(prompts, control=control, curve=curve, outcome=outcome)
                rows.append(_row(sample, control, curve[0], outcome, n_resamples=n_resamples, seed=seed))
    return pd.DataFrame(rows, columns=EQUAL_KL_COLUMNS)


@dataclass(frozen=True)
class _Sample:
    """KL and effect of each shared prompt: the control's [prompts], and the study's [prompts, points]."""

    control_kl: Array
    control_effect: Array
    study_kl: Array
    study_effect: Array


def _per_prompt(rows: pd.DataFrame, outcomes: list[str]) -> pd.DataFrame:
    """Return mean KL and effects of each prompt at each point, over the samples that the baseline has too."""
    keys = [*GROUP_KEYS, "id", "sample"]
    values = rows[[*keys, "alpha", "from_baseline", "first_token_kl"]].copy()
    values[outcomes] = rows[outcomes].astype(float)
    before = values.loc[values["from_baseline"].astype(bool), [*keys, *outcomes]]
    pairs = values.merge(before, on=keys, suffixes=("", "_before"), validate="many_to_one")
    for outcome in outcomes:
        pairs[outcome] = pairs[outcome] - pairs[f"{outcome}_before"]
    means = pairs.groupby([*POINT_KEYS, "from_baseline", "id"])[["first_token_kl", *outcomes]].mean()
    return means.reset_index()


def _curves(steered: pd.DataFrame, control: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield, per direction of the study, its points with the control's place, seed and sign of alpha."""
    study = steered[(steered["role"] == "main") & (np.sign(steered["alpha"]) == np.sign(control["alpha"]))]
    for key in ("intervention", "layer", "seed"):
        study = study[study[key] == control[key]]
    for _, curve in study.groupby("direction"):
        yield as_records(curve)


def _shared(prompts: pd.DataFrame, *, control: Mapping[str, Any], curve: list[dict[str, Any]], outcome: str) -> _Sample:
    columns: list[pd.Series] = []
    for point in (control, *curve):
        chosen = np.logical_and.reduce([prompts[key] == point[key] for key in POINT_KEYS])
        here = prompts[chosen].set_index("id")
        columns += [here["first_token_kl"], here[outcome]]
    both = pd.concat(columns, axis=1, join="inner").dropna().sort_index().to_numpy(dtype=float)
    # Rounding can leave a KL just below 0.
    kl, effect = np.maximum(both[:, ::2], 0.0), both[:, 1::2]
    return _Sample(kl[:, 0], effect[:, 0], kl[:, 1:], effect[:, 1:])


def _row(
    sample: _Sample,
    control: Mapping[str, Any],
    study: Mapping[str, Any],
    outcome: str,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, Any]:
    n = len(sample.control_kl)
    shared = {"check": _CHECKS[control["role"]], "condition": describe(control), "study": study["direction"]}
    shared["outcome"] = _NAMES[outcome]
    everyone = np.full((1, n), 1 / n) if n else np.full((1, 0), np.nan)
    kl, control_effect, study_effect, reach = (part[0] for part in _at_equal_kl(sample, everyone))
    # nan <= nan is false too: without prompts nothing is in range.
    if not kl <= reach * (1 + 1e-9):
        effect, gap = Comparison(np.nan, np.nan, np.nan, 0), Comparison(np.nan, np.nan, np.nan, 0)
    else:
        weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
        _, control_draws, study_draws, _ = _at_equal_kl(sample, weights)
        effect = _interval(float(study_effect), study_draws, n)
        gap = _interval(float(study_effect - control_effect), study_draws - control_draws, n)
    verdict = _verdict(effect, gap, same=_SAME[outcome]) if n else "cannot tell"
    numbers = {"kl": float(kl), "control_effect": float(control_effect), "study_effect": effect.value}
    numbers |= {"value": gap.value, "low": gap.low, "high": gap.high, "n": gap.n}
    sentence = _sentence(verdict, numbers, reach=float(reach), outcome=outcome)
    return {**shared, **numbers, "verdict": verdict, "sentence": sentence}


def _at_equal_kl(sample: _Sample, weights: Array) -> tuple[Array, Array, Array, Array]:
    """Return per weighting the control's KL and effect, the study's effect at this KL and the study's largest KL."""
    if len(sample.control_kl) == 0:
        nothing = np.full(len(weights), np.nan)
        return nothing, nothing, nothing, nothing
    kl, control_effect = weights @ sample.control_kl, weights @ sample.control_effect
    origin = np.zeros((len(weights), 1))
    curve_kl = np.hstack([origin, weights @ sample.study_kl])
    curve_effect = np.hstack([origin, weights @ sample.study_effect])
    order = np.argsort(curve_kl, axis=1, kind="stable")
    x = np.sqrt(np.take_along_axis(curve_kl, order, axis=1))
    y = np.take_along_axis(curve_effect, order, axis=1)
    at = np.array([np.interp(*parts) for parts in zip(np.sqrt(kl), x, y, strict=True)])
    # Equal effects differ in the last bit, which would make an interval of rounding errors.
    return kl, np.round(control_effect, 12), np.round(at, 12), curve_kl.max(axis=1)


def _interval(value: float, draws: Array, n: int) -> Comparison:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Comparison(value=value, low=float(low), high=float(high), n=n)


def _verdict(effect: Comparison, gap: Comparison, *, same: float) -> Verdict:
    if gap.n == 0:
        return "out of range"
    if gap.n < _FEWEST:
        return "cannot tell"
    sign = 1 if effect.value >= 0 else -1
    if gap.sign == sign == effect.sign:
        return "more than random"
    # How much more of the study's own effect the interval leaves possible.
    most = gap.high if sign > 0 else -gap.low
    return "no more than random" if most < same else "cannot tell"


def _sentence(verdict: Verdict, numbers: Mapping[str, float], *, reach: float, outcome: str) -> str:
    words = {
        "more than random": "At the same KL the study's direction moves refusal further",
        "no more than random": "At the same KL the study's direction moves refusal no further",
        "cannot tell": "The data cannot tell whether the study's direction moves refusal further at the same KL",
        "out of range": "The control disturbs the next token more than any of the study's points",
    }
    if np.isnan(numbers["kl"]):
        return f"{words[verdict]}: they share no prompts with both numbers."
    if numbers["n"] == 0:
        return f"{words[verdict]}: KL {numbers['kl']:.3g} beside at most {reach:.3g} nats."
    scale, unit = (100.0, "points") if outcome == "is_refusal" else (1.0, "nats")
    effect, other, value, low, high = (
        scale * numbers[name] for name in ("study_effect", "control_effect", "value", "low", "high")
    )
    return (
        f"{words[verdict]}: {effect:+.3g} {unit} against {other:+.3g} at {numbers['kl']:.3g} nats, "
        f"a difference of {value:+.3g} (95% interval {low:+.3g} to {high:+.3g})."
    )
