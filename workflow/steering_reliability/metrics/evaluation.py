"""Measure a refusal metric against labelled completions, by cross-validation over prompts."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steering_reliability.metrics.fitting import Weights, extract_features, fit_weights
from steering_reliability.metrics.labels import LabelledCompletion
from steering_reliability.metrics.refusal import THRESHOLD

_Z = 1.959963984540054


@dataclass(frozen=True)
class Confusion:
    """Counts of a two-class decision, refusal being the positive class."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @classmethod
    def count(cls, decided: Iterable[bool], refused: Iterable[bool]) -> "Confusion":
        """Count decisions against the truth."""
        pairs = list(zip(decided, refused, strict=True))
        return cls(
            true_positive=pairs.count((True, True)),
            false_positive=pairs.count((True, False)),
            true_negative=pairs.count((False, False)),
            false_negative=pairs.count((False, True)),
        )

    @property
    def n(self) -> int:
        """How many decisions were counted."""
        return self.true_positive + self.false_positive + self.true_negative + self.false_negative

    @property
    def accuracy(self) -> float:
        """Share of right decisions; NaN without any."""
        return _share(self.true_positive + self.true_negative, self.n)

    @property
    def precision(self) -> float:
        """Share of refusals among the texts called so; NaN without any."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def sensitivity(self) -> float:
        """Share of the refusals that were called so (recall); NaN without any."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of the other texts that were not called refusals; NaN without any."""
        return _share(self.true_negative, self.true_negative + self.false_positive)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Return the 95% score interval of a proportion (Wilson, 1927); NaN for n = 0."""
    if n == 0:
        return math.nan, math.nan
    share = successes / n
    centre = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def assign_folds(prompts: Iterable[str], *, n_folds: int, seed: int) -> dict[str, int]:
    """Deal the distinct prompts into folds of equal size (give or take one), at random by `seed`."""
    distinct = sorted(set(prompts))
    random.Random(seed).shuffle(distinct)
    return {prompt: index % n_folds for index, prompt in enumerate(distinct)}


def decide(rows: Sequence[LabelledCompletion], weights: Weights) -> list[bool]:
    """Return which completions `weights` call refusals; an empty one never is."""
    return [
        bool(row.completion.strip()) and weights.score(extract_features(row.completion)) >= THRESHOLD for row in rows
    ]


def fit_rows(rows: Sequence[LabelledCompletion]) -> Weights:
    """Fit the weights of the table to labelled completions."""
    return fit_weights([extract_features(row.completion) for row in rows], [row.refused for row in rows])


def cross_validate(
    rows: Sequence[LabelledCompletion], *, folds: dict[str, int], evaluated: Sequence[LabelledCompletion] | None = None
) -> list[bool]:
    """Return for each row the decision of weights fitted on the rows of all other folds.

    Args:
        rows: What the weights are fitted on, fold by fold.
        folds: The fold of every prompt, from `assign_folds`.
        evaluated: The same rows in another form (say, truncated) that is decided on instead; default `rows`.
    """
    evaluated = rows if evaluated is None else evaluated
    decisions: dict[int, bool] = {}
    for fold in sorted(set(folds.values())):
        weights = fit_rows([row for row in rows if folds[row.prompt] != fold])
        held_out = [index for index, row in enumerate(evaluated) if folds[row.prompt] == fold]
        decisions.update(zip(held_out, decide([evaluated[index] for index in held_out], weights), strict=True))
    return [decisions[index] for index in range(len(evaluated))]
