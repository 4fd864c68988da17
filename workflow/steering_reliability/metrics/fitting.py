"""Fit the weights of the phrase families to labelled completions.

Logistic regression with a fixed bias, a Gaussian prior around each prior weight of the table, and bounds in proportion
to it: no weight changes sign, and a phrase that the labels don't speak about keeps its prior weight. The objective is
convex and the bounds are a box, so clipped coordinate-wise Newton steps need nothing but the standard library.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from steering_reliability.metrics.matching import find_phrases, normalise
from steering_reliability.metrics.phrases import BIAS, FAMILIES
from steering_reliability.metrics.refusal import family_factors, logistic

# How strongly the prior holds: 1 / variance of a weight around its prior weight, in 1 / logit^2.
PRECISION = 1.0
# A weight stays within these multiples of its prior weight.
LOWEST, HIGHEST = 0.75, 1.75
_SWEEPS = 500
_TOLERANCE = 1e-6

Features = dict[int, float]


@dataclass(frozen=True)
class Weights:
    """One weight per family, in logits and in the order of the table."""

    families: tuple[float, ...]

    def score(self, features: Features) -> float:
        """Return the refusal score, in [0, 1], of the families found in a text (not an empty one)."""
        return logistic(BIAS + sum(self.families[family] * factor for family, factor in features.items()))


def prior_weights() -> Weights:
    """Return the weights of the table that were written down by hand."""
    return Weights(tuple(family.prior for family in FAMILIES))


def shipped_weights() -> Weights:
    """Return the weights of the table that `score_refusal` uses."""
    return Weights(tuple(family.weight for family in FAMILIES))


def extract_features(text: str) -> Features:
    """Return the place factor of every family of the table that occurs in `text`."""
    return family_factors(list(find_phrases(normalise(text))))


def fit_weights(features: Sequence[Features], refused: Sequence[bool], *, precision: float = PRECISION) -> Weights:
    """Return the most probable weights given labelled texts and the prior.

    Args:
        features: One entry per text, from `extract_features`.
        refused: Whether the text is a refusal.
        precision: How strongly the prior holds, in 1 / logit^2.
    """
    prior = prior_weights().families
    weights = list(prior)
    columns: list[list[tuple[int, float]]] = [[] for _ in prior]
    for row, found in enumerate(features):
        for family, factor in found.items():
            columns[family].append((row, factor))
    evidence = [BIAS + sum(prior[family] * factor for family, factor in found.items()) for found in features]
    for _ in range(_SWEEPS):
        largest_step = 0.0
        for family, column in enumerate(columns):
            slope, curvature = precision * (weights[family] - prior[family]), precision
            for row, factor in column:
                probability = logistic(evidence[row])
                slope += (probability - refused[row]) * factor
                curvature += probability * (1.0 - probability) * factor * factor
            step = _clip(weights[family] - slope / curvature, prior=prior[family]) - weights[family]
            weights[family] += step
            largest_step = max(largest_step, abs(step))
            for row, factor in column:
                evidence[row] += step * factor
        if largest_step < _TOLERANCE:
            break
    return Weights(tuple(weights))


def _clip(weight: float, *, prior: float) -> float:
    bounds = sorted((LOWEST * prior, HIGHEST * prior))
    return min(max(weight, bounds[0]), bounds[1])
