"""At the same disturbance of the next token, does the direction move refusal further than control directions?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.control_rank import CHECKS, DIRECTIONS, compared_with_controls, note_on_rank
from steering_reliability.evidence.sanity_checks import describe
from steering_reliability.results.schema import (
    GROUP_KEYS,
    POINT_KEYS,
    ROLES,
    as_records,
    at_point,
    in_order,
    sort_points,
    steered_points,
)  # fmt: skip
from steering_reliability.statistics.intervals import Array
from steering_reliability.statistics.multiplicity import LEVEL
from steering_reliability.text.layers import point_words

EQUAL_KL_COLUMNS: Final = [
    "check", "condition", "study", "outcome", "kl", "control_effect", "study_effect",
    "value", "low", "high", "n", "p", "verdict", "sentence",
]  # fmt: skip

_NAMES: Final = {"is_refusal": "refusal rate", "refusal_propensity": "refusal propensity (nats)"}


def equal_kl_table(results: pd.DataFrame, *, chosen_by_effect: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Compare the random or shuffled directions with the study's on harm_test at the same first-token KL.

    The study's curve of the effect (steered minus baseline, paired by prompt) against the mean KL runs through (0, 0)
    and its points with the control's layer, intervention, seed and sign of alpha; it is read at the control's KL by
    linear interpolation in the square root of the KL, which is proportional to alpha while alpha is small. Prompts are
    the ones that all these conditions share. The unit is the direction: p is the rank of the size of the study's effect
    among those of the controls of one place, corrected for the places (Bonferroni).

    refusal_propensity is compared too where it is there. What is seen at `chosen_by_effect`, the `POINT_KEYS` of a
    point that was chosen by its effect, is no test.

    Returns:
        `EQUAL_KL_COLUMNS`: one row per control, study direction and outcome, with kl (nats), the effects of both at it,
        value (study minus control) and n prompts, no verdict; and one row per place that judges all its controls:
        means over them, low and high the least and largest value, n controls within the study's reach, p and verdict.
        Beyond the study's largest KL, or with no shared prompts, value is NaN with n = 0.
    """
    outcomes = [name for name in _NAMES if name in results]
    prompts = _per_prompt(results[results["split"] == "harm_test"], outcomes)
    points = sort_points(prompts[[*POINT_KEYS, "from_baseline"]].drop_duplicates(POINT_KEYS))
    steered = steered_points(points, *ROLES)
    rows: list[dict[str, Any]] = []
    controls = steered[steered["role"].isin(list(CHECKS))]
    places = ["intervention", "layer", "alpha", "seed"]
    chosen = () if chosen_by_effect is None else tuple(chosen_by_effect[key] for key in places)
    for _, kind in controls.groupby("role", sort=True):
        by_place = in_order(kind, places).groupby(places, sort=False)
        tested = sum(key != chosen for key, _ in by_place)
        for key, place in by_place:
            for curve in _curves(steered, as_records(place.head(1))[0]):
                for outcome in outcomes:
                    found = [_compared(prompts, control, curve, outcome) for control in as_records(place)]
                    n_points = 0 if key == chosen else tested
                    rows += [*found, _judged(found, as_records(place)[0], outcome, n_points=n_points)]
    return pd.DataFrame(rows, columns=EQUAL_KL_COLUMNS)


@dataclass(frozen=True)
class _Means:
    """KL and effect, means over the shared prompts: the control's, and the study's at each point."""

    n: int
    control_kl: float
    control_effect: float
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
    for _, curve in at_point(study, control, keys=("intervention", "layer", "seed")).groupby("direction"):
        yield as_records(curve)


def _shared(prompts: pd.DataFrame, control: Mapping[str, Any], curve: list[dict[str, Any]], outcome: str) -> _Means:
    columns: list[pd.Series] = []
    for point in (control, *curve):
        here = at_point(prompts, point).set_index("id")
        columns += [here["first_token_kl"], here[outcome]]
    both = pd.concat(columns, axis=1, join="inner").dropna().to_numpy(dtype=float)
    means = both.mean(axis=0) if len(both) else np.full(both.shape[1], np.nan)
    # Rounding can leave a KL just below 0.
    kl, effect = np.maximum(means[::2], 0.0), means[1::2]
    return _Means(len(both), float(kl[0]), float(effect[0]), kl[1:], effect[1:])


def _compared(
    prompts: pd.DataFrame, control: Mapping[str, Any], curve: list[dict[str, Any]], outcome: str
) -> dict[str, Any]:
    means = _shared(prompts, control, curve, outcome)
    nothing = float("nan")
    row: dict[str, Any] = {
        **{"check": CHECKS[control["role"]], "condition": describe(control), "study": curve[0]["direction"]},
        **{"outcome": _NAMES[outcome], "kl": means.control_kl, "control_effect": means.control_effect},
        **{"study_effect": nothing, "value": nothing, "low": nothing, "high": nothing, "n": 0, "p": nothing},
    }
    weights = weights_at(means.control_kl, kl=means.study_kl)
    if np.isnan(weights).any():
        return row
    effect = float(weights @ means.study_effect)
    return row | {"study_effect": effect, "value": effect - means.control_effect, "n": means.n}


def weights_at(level: float, *, kl: Array) -> Array:
    """Return the weights that read a curve at a KL, by linear interpolation in the square root of the KL.

    The curve runs from the unsteered model, which changes nothing and has the weight that is left to 1, through points
    of the given `kl`, [points], all of one sign of alpha.

    Returns:
        Weights, [points], at most two of them above 0; NaN beyond the largest KL.
    """
    order = np.argsort(kl, kind="stable")
    # nan <= nan is false too: without prompts nothing is in range.
    if not level <= kl.max(initial=-np.inf) * (1 + 1e-9):
        return np.full(len(kl), np.nan)
    x = np.sqrt(np.append(0.0, kl[order]))
    weights = np.zeros(len(kl))
    weights[order] = [np.interp(np.sqrt(level), x, row) for row in np.eye(len(x))[1:]]
    return weights


def _judged(found: list[dict[str, Any]], control: Mapping[str, Any], outcome: str, *, n_points: int) -> dict[str, Any]:
    """The controls of one place together: how many of them move refusal as far as the study's direction."""
    within = [row for row in found if row["n"] > 0]
    n = len(within)
    place = f"{point_words(control)}, seed {control['seed']}"
    means = {
        name: float(np.mean([row[name] for row in within])) if within else float("nan")
        for name in ("kl", "control_effect", "study_effect", "value")
    }
    as_far = sum(abs(row["control_effect"]) >= abs(row["study_effect"]) - 1e-9 for row in within)
    p = (1 + as_far) / (1 + n) if n else float("nan")
    verdict = "more than random" if n_points * p <= LEVEL else "cannot tell"
    verdict = "out of range" if not n else verdict if n_points else "not a test"
    values = [row["value"] for row in within]
    return {
        **{name: found[0][name] for name in ("check", "study", "outcome")},
        **{"condition": place, **means, "low": min(values, default=np.nan), "high": max(values, default=np.nan)},
        **{"n": n, "p": p, "verdict": verdict},
        "sentence": _sentence(DIRECTIONS[control["role"]], means, n, as_far, p, outcome, n_points),
    }


def _sentence(
    directions: str, means: Mapping[str, float], n: int, as_far: int, p: float, outcome: str, n_points: int
) -> str:
    if not n:
        return (
            f"The {directions} have a larger first-token KL than every point of the study, or share no prompts with it."
        )
    scale, unit = (100.0, "points") if outcome == "is_refusal" else (1.0, "nats")
    compared = compared_with_controls(as_far, f"{n} {directions}")
    return (
        f"{compared} on the {_NAMES[outcome].removesuffix(' (nats)')} at the same first-token KL, of either sign: "
        f"on average {scale * means['study_effect']:+.3g} {unit} for the study's direction, "
        f"{scale * means['control_effect']:+.3g} for the controls, at {means['kl']:.3g} nats, p {p:.2g}."
        f"{note_on_rank(n_controls=n, n_points=n_points)}"
    )
