"""What a design can show: the power of the tests behind the headline claims, by simulation of its completions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from steering_reliability.statistics.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    direction_of_change,
    share_gap,
)
from steering_reliability.statistics.cluster_tests import sign_flip_p_of_many
from steering_reliability.statistics.intervals import Array, Estimate
from steering_reliability.statistics.multiplicity import LEVEL, PARTS

Question = Literal["effect", "gap", "cost"]
QUESTIONS: Final[tuple[Question, ...]] = ("effect", "gap", "cost")

ENOUGH: Final = 0.8
"""The power at which a change counts as detectable."""

MOVED: Final = 0.2
"""A gap is looked for where steering moves harm_test by so much, or by what is left of the scale."""

MOST_PROMPTS: Final = 1500
"""Prompts of a split that are simulated; more can only show more."""

_MOST_COMPLETIONS: Final = 15_000
"""Completions of a split that are simulated, likewise."""

_DRAWS: Final = 1000
_FEWEST_DRAWS: Final = 200
_CELLS: Final = 200_000
"""Completions of a split in all draws together: bounds time and memory."""

_HALVINGS: Final = 9
"""Of the scale from 0 to the largest possible change: to a fifth of a point."""

_STEP: Final = 0.02
"""Between the two changes that tell how steep the power is."""


@dataclass(frozen=True)
class Design:
    """What a study writes at each point: prompts per cluster of each split, and completions per prompt.

    `train` has the harm_train prompts that report, not those that built the direction.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    benign: tuple[int, ...]
    samples: int = 1


@dataclass(frozen=True)
class Rates:
    """What the unsteered model does: refuses harm_train and harm_test, and helps with benign prompts."""

    train: float = 0.1
    test: float = 0.1
    benign: float = 0.95

    @property
    def sign(self) -> int:
        """Which way refusal is steered: up (1), or down (-1) where most of harm_train is refused."""
        return -1 if self.train > 0.5 else 1

    def room(self, question: Question) -> float:
        """The largest change that there can be."""
        if question == "cost":
            return self.benign
        of = self.test if question == "effect" else self.train
        return 1 - of if self.sign > 0 else of


@dataclass(frozen=True)
class Alike:
    """Correlations of completions on the normal scale, of which a threshold makes an outcome.

    `template`: prompts of one template. `prompt`: samples of one prompt, beyond those of other prompts of its template.
    `kept`: of both between steered and unsteered text. `paired`: what is left of two completions that use the same
    random numbers, steered and unsteered.

    The defaults are those of SmolLM2-135M (150 prompts, 20 and 30 templates, temperature 0.7). On outcomes they mean
    about .06 between prompts of a template, .12 between samples of a prompt and .14 between steered and unsteered.
    """

    template: float = 0.12
    prompt: float = 0.10
    kept: float = 0.6
    paired: float = 0.35


class Smallest(NamedTuple):
    """The smallest change that is shown with the wanted power, with the standard error of the simulation.

    NaN where not even the largest possible change is.
    """

    size: float
    error: float


def recommended_level() -> float:
    """Return the level of one claim at the recommended point, whether or not the two others are shown."""
    return LEVEL / PARTS / len(QUESTIONS)


def grid_level(n_tests: int) -> float:
    """Return the level of a claim at the most significant point, of so many tests of the grid."""
    return LEVEL / PARTS / max(1, n_tests)


class Simulation:
    """Completions of a design, drawn once: every change is judged on the same draws."""

    def __init__(
        self,
        design: Design,
        *,
        rates: Rates,
        alike: Alike | None = None,
        draws: int = _DRAWS,
        rng: np.random.Generator | None = None,
    ) -> None:
        largest = max(min(sum(sizes), MOST_PROMPTS) for sizes in (design.train, design.test, design.benign))
        samples = min(design.samples, max(1, _MOST_COMPLETIONS // max(1, largest)))
        self.rates = rates
        self.draws = max(_FEWEST_DRAWS, min(draws, _CELLS // max(1, largest * samples)))
        source, drawn = rng or np.random.default_rng(0), (alike or Alike(), samples, self.draws)
        self._train, self._test, self._benign = (
            _Completions.drawn(_at_most(sizes), *drawn, rng=source)
            for sizes in (design.train, design.test, design.benign)
        )
        needed = {"effect": (design.test,), "gap": (design.train, design.test), "cost": (design.benign,)}
        self._unanswered = {question for question, splits in needed.items() if not all(splits)}

    def power(self, question: Question, *, size: float, level: float | None = None) -> float:
        """Return the share of draws in which the claim is shown.

        `size` is the change that is there: an effect, a gap by which harm_train moves further than harm_test, or a loss
        of helpfulness. `level` is that of the claim, by default of `recommended_level`.
        """
        if question in self._unanswered:
            return 0.0
        level = recommended_level() if level is None else level
        rates, sign = self.rates, self.rates.sign
        if question == "effect":
            return _mean(is_change_shown(self._test.pairs(rates.test, rates.test + sign * size), level=level))
        if question == "cost":
            return _mean(is_change_shown(self._benign.pairs(rates.benign, rates.benign - size), level=level))
        moved = min(MOVED, rates.room("effect"), max(0.0, rates.room("gap") - size))
        train = self._train.pairs(rates.train, rates.train + sign * (moved + size))
        return _mean(is_gap_shown(train, test=self._test.pairs(rates.test, rates.test + sign * moved), level=level))

    def smallest(self, question: Question, *, level: float | None = None, power: float = ENOUGH) -> Smallest:
        """Return the smallest change that is shown with a power."""

        def at(size: float) -> float:
            return self.power(question, size=size, level=level)

        room = self.rates.room(question)
        if at(room) < power:
            return Smallest(float("nan"), float("nan"))
        low, high = 0.0, room
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if at(middle) >= power else (middle, high)
        return Smallest(high, self._error(at, size=high, room=room, power=power))

    def _error(self, at: Callable[[float], float], *, size: float, room: float, power: float) -> float:
        low, high = max(0.0, size - _STEP), min(room, size + _STEP)
        slope = max((at(high) - at(low)) / (high - low), 0.1)
        return float(np.sqrt(power * (1 - power) / self.draws) / slope)


def is_change_shown(pairs: PairedCounts, *, level: float) -> npt.NDArray[np.bool_]:
    """Tell in which sets a change is shown: its 95% interval excludes 0, and the sign-flip test is at the level."""
    interval = clustered_difference(pairs)
    return np.asarray(_excludes_zero(interval) & (sign_flip_p_of_many(pairs.differences) <= level))


def is_gap_shown(train: PairedCounts, *, test: PairedCounts, level: float) -> npt.NDArray[np.bool_]:
    """Tell in which sets a gap of effects is claimed.

    The p that is read from its interval is at the level, and the gap of shares of the possible change agrees, or the
    two effects have opposite signs and both their intervals exclude 0.
    """
    # The p is at the level just where the interval of that level excludes 0; the level is never above 5%.
    gap = clustered_effect_gap(train, second=test, confidence=1 - min(level, LEVEL))
    changes = clustered_difference(train), clustered_difference(test)
    sign = direction_of_change(*changes)
    shares = share_gap(train, second=test, direction=sign).gap
    agrees = np.where(sign * gap.value > 0, shares.low > 0, shares.high < 0)
    signs = [(change.low > 0).astype(int) - (change.high < 0) for change in changes]
    return np.asarray(_excludes_zero(gap) & ((signs[0] * signs[1] < 0) | agrees))


def _excludes_zero(interval: Estimate) -> npt.NDArray[np.bool_]:
    return np.asarray((interval.low > 0) | (interval.high < 0))


def _mean(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean())


def _at_most(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes that sum to at most `MOST_PROMPTS`, from clusters that are smaller, or fewer where they can't be."""
    total = sum(sizes)
    if total <= MOST_PROMPTS:
        return sizes
    smaller = [max(1, size * MOST_PROMPTS // total) for size in sizes]
    return tuple(size for size, end in zip(smaller, np.cumsum(smaller), strict=True) if end <= MOST_PROMPTS)


@dataclass(frozen=True)
class _Completions:
    """Completions of a split on the normal scale, [draws, prompts * samples], in the order of their clusters."""

    unsteered: npt.NDArray[np.float32]
    steered: npt.NDArray[np.float32]
    starts: npt.NDArray[np.intp]
    sizes: Array

    @classmethod
    def drawn(
        cls, sizes: tuple[int, ...], alike: Alike, samples: int, draws: int, *, rng: np.random.Generator
    ) -> "_Completions":
        """Draw completions of clusters with so many prompts."""
        n, per_cluster = sum(sizes), samples * np.array(sizes, dtype=int)
        own = 1 - alike.template - alike.prompt
        first, second = np.zeros((2, draws, n * samples), dtype=np.float32)
        for share, kept, count, repeats in (
            (alike.template, alike.kept, len(sizes), per_cluster),
            (alike.prompt, alike.kept, n, np.full(n, samples, dtype=int)),
            (own, alike.paired, n * samples, np.ones(n * samples, dtype=int)),
        ):
            one, other = rng.standard_normal((2, draws, count), dtype=np.float32)
            moved = np.float32(kept) * one + np.float32(np.sqrt(1 - kept**2)) * other
            first += np.float32(np.sqrt(share)) * np.repeat(one, repeats, axis=1)
            second += np.float32(np.sqrt(share)) * np.repeat(moved, repeats, axis=1)
        ends = np.cumsum([0, *per_cluster])
        return cls(first, second, ends[:-1].astype(np.intp), np.diff(ends).astype(float))

    def pairs(self, before: float, after: float) -> PairedCounts:
        """Count the pairs at these rates, [draws, clusters] each."""
        unsteered, steered = (
            values < np.float32(ndtri(rate)) for values, rate in ((self.unsteered, before), (self.steered, after))
        )
        first, second, both = (self._summed(flags) for flags in (steered, unsteered, steered & unsteered))
        return PairedCounts(both, first - both, second - both, self.sizes - first - second + both)

    def _summed(self, flags: npt.NDArray[np.bool_]) -> Array:
        return np.add.reduceat(flags, self.starts, axis=1, dtype=np.float64)
