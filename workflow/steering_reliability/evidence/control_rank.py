"""Does the direction move refusal further than control directions of the same length? A rank over directions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.results.schema import POINT_KEYS, as_records, at_point, in_order, steered_points
from steering_reliability.statistics.multiplicity import LEVEL
from steering_reliability.text.numbers import interval, signed

CHECKS: Final = {"random": "random directions", "shuffled": "shuffled labels"}
DIRECTIONS: Final = {"random": "random directions", "shuffled": "shuffled-label directions"}
"""The controls of each role: the name of the check, and what they are."""
_PLACE: Final = ["intervention", "layer", "alpha"]
_SPLIT: Final = "harm_test"


@dataclass(frozen=True)
class ControlRank:
    """How the study's effect at one point stands among those of control directions on the same prompts.

    Attributes:
        role: random or shuffled.
        point: The study's point, `POINT_KEYS`.
        effect: The study's effect there: share of refusals in text that is not repetitive, steered minus unsteered.
        controls: The same of each control, in the order of their names.
        n_prompts: Prompts that all of them answered.
        n_points: Points at which such a rank is tested, which p is corrected for; 0 where the point was chosen by its
            effect on these very prompts, so that its rank is no test.
    """

    role: str
    point: dict[str, Any]
    effect: float
    controls: tuple[float, ...]
    n_prompts: int
    n_points: int = 1

    @property
    def name(self) -> str:
        """The kind of control in words."""
        return CHECKS[self.role]

    @property
    def n_controls(self) -> int:
        """Control directions, which are what is replicated; not prompts."""
        return len(self.controls)

    @property
    def lead(self) -> float:
        """The study's effect minus the mean of the controls'; NaN without controls."""
        return self.effect - float(np.mean(self.controls)) if self.controls else float("nan")

    @property
    def as_large(self) -> int:
        """Controls whose effect is at least as large in size as the study's."""
        return sum(abs(control) >= abs(self.effect) - 1e-9 for control in self.controls)

    @property
    def p(self) -> float:
        """Chance of such a rank if the study's direction were one more control."""
        return (1 + self.as_large) / (1 + self.n_controls) if self.controls else float("nan")

    @property
    def verdict(self) -> str:
        """`stronger than random` (or shuffled) where the corrected p is at most 0.05, else `cannot tell`."""
        if not self.n_points:
            return "not a test"
        return f"stronger than {self.role}" if self.n_points * self.p <= LEVEL else "cannot tell"

    @property
    def sentence(self) -> str:
        """The rank in words, with the numbers it rests on."""
        controls = f"{self.n_controls} {DIRECTIONS[self.role]} of the same length"
        return (
            f"{compared_with_controls(self.as_large, controls)} on refusal, of either sign: "
            f"{signed(self.effect)} points for the study's direction, "
            f"{interval(min(self.controls), max(self.controls))} for the controls, on {self.n_prompts} prompts of "
            f"harm_test, p {self.p:.2g}.{note_on_rank(n_controls=self.n_controls, n_points=self.n_points)}"
        )


def compared_with_controls(as_large: int, controls: str) -> str:
    """Say how many of `controls`, a number of directions in words, have at least as large an effect."""
    return f"{as_large or 'None'} of {controls} {'have' if as_large > 1 else 'has'} at least as large an effect"


def note_on_rank(*, n_controls: int, n_points: int) -> str:
    """Say why a rank can't be significant: the point was chosen by its effect (`n_points` 0), or controls are few."""
    if not n_points:
        return " The point was chosen by its effect on these prompts, so the rank is not a test."
    needed = controls_needed(n_points)
    if n_controls >= needed:
        return ""
    corrected = "" if n_points == 1 else f" after correction for {n_points} points"
    return f" At least {needed} directions are needed for a significant rank{corrected}."


def controls_needed(n_points: int) -> int:
    """Return how many control directions can show anything at so many points: 1 / (directions + 1) is the least p."""
    return int(np.ceil(n_points / LEVEL)) - 1


def control_ranks(results: pd.DataFrame, *, chosen_by_effect: Mapping[str, Any] | None = None) -> list[ControlRank]:
    """Rank the study among its controls wherever controls ran.

    The unit is the direction: many prompts under one random direction are one draw of a direction.

    `chosen_by_effect` has the `POINT_KEYS` of a point that was chosen by its effect on harm_test, if there is one.

    Returns:
        One rank per kind of control and point of the study with the same intervention, layer, alpha and seed, each
        corrected for the points of its kind that are tested (Bonferroni).
    """
    rows = without_repetition(results[results["split"] == _SPLIT])
    found: list[ControlRank] = []
    for role in CHECKS:
        ranks: list[ControlRank] = []
        keys = [*_PLACE, "seed"]
        for place, group in in_order(steered_points(rows, role), keys).groupby(keys, sort=False):
            ranks += _ranks(rows, role, dict(zip(keys, place, strict=True)), group)
        tested = sum(rank.point != chosen_by_effect for rank in ranks)
        found += [replace(rank, n_points=tested if rank.point != chosen_by_effect else 0) for rank in ranks]
    return found


def without_repetition(results: pd.DataFrame) -> pd.DataFrame:
    """Count refusals in repetitive text as none: what text alone can tell, for controls are not scored by the model."""
    return results.assign(is_refusal=results["is_refusal"].astype(bool) & ~results["is_repetitive"].astype(bool))


def _ranks(rows: pd.DataFrame, role: str, place: dict[str, Any], group: pd.DataFrame) -> Iterator[ControlRank]:
    study = at_point(rows[rows["role"] == "main"], place, keys=("intervention", "layer", "seed"))
    for _, curve in study.groupby("direction", sort=True):
        here = curve[curve["alpha"] == place["alpha"]]
        if here.empty:
            continue
        by_direction = {str(name): part for name, part in group.groupby("direction", sort=True)}
        shared = set(here["id"]).intersection(*(set(part["id"]) for part in by_direction.values()))
        before = _rate(curve[curve["from_baseline"].astype(bool)], shared)
        effect = _rate(here, shared) - before
        if np.isnan(effect):
            continue
        yield ControlRank(
            role,
            point=as_records(here[POINT_KEYS].head(1))[0],
            effect=effect,
            controls=tuple(_rate(part, shared) - before for part in by_direction.values()),
            n_prompts=len(shared),
        )


def _rate(rows: pd.DataFrame, ids: set[str]) -> float:
    return float(rows.loc[rows["id"].isin(ids), "is_refusal"].mean())
