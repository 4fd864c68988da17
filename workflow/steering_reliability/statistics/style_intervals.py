"""Intervals for other styles than those of the prompts: each style is one observation."""

import numpy as np
from scipy.stats import t as student

from steering_reliability.statistics.cluster_intervals import PairedCounts
from steering_reliability.statistics.intervals import Array, Estimate


def change_over_styles(pairs: PairedCounts) -> Estimate:
    """Return the mean change of the styles with Student's t-interval.

    It answers for other styles, of which those of the prompts are taken as a sample; with four to six of them
    it is wide, with fifteen much less so: see scripts/validate_statistics.py.

    Returns:
        First rate minus second, each style counted once, without the last axis; NaN for fewer than two styles.
    """
    mean, variance, freedom = _moments(pairs)
    return _interval(mean, variance, freedom, widest=1.0)


def gap_over_styles(first: PairedCounts, *, second: PairedCounts) -> Estimate:
    """Return the difference between the mean changes of two sets of styles with Welch's interval.

    Returns:
        First change minus second, without the last axis; NaN where a set has fewer than two styles.

    Source: Welch (1947), Biometrika 34, 28-35.
    """
    mean, variance, freedom = _moments(first)
    other_mean, other_variance, other_freedom = _moments(second)
    both = variance + other_variance
    with np.errstate(invalid="ignore", divide="ignore"):
        degrees = both**2 / (variance**2 / freedom + other_variance**2 / other_freedom)
    # Styles that all changed alike have no spread: the smaller set's degrees of freedom, and no width.
    degrees = np.where(both > 0, degrees, np.minimum(freedom, other_freedom))
    return _interval(mean - other_mean, both, degrees, widest=2.0)


def at_least_as_wide(styles: Estimate, *, prompts: Estimate) -> Estimate:
    """Return the interval for other styles, widened to hold the one for other prompts in the same styles.

    Four styles can be alike by chance; that must not make an interval for other styles narrower.
    """
    return Estimate(styles.value, _pick(np.fmin, styles.low, prompts.low), _pick(np.fmax, styles.high, prompts.high))


def _pick(choose: np.ufunc, styles: Array, prompts: Array) -> Array:
    return np.asarray(np.where(np.isnan(styles), np.nan, choose(styles, prompts)))


def _moments(pairs: PairedCounts) -> tuple[Array, Array, Array]:
    """Mean of the styles' changes, variance of that mean, degrees of freedom."""
    sizes = pairs.sizes
    there = sizes > 0
    styles = there.sum(-1).astype(float)
    styles = np.where(styles > 1, styles, np.nan)
    changes = np.where(there, pairs.differences / np.where(there, sizes, 1.0), 0.0)
    mean = changes.sum(-1) / styles
    squares = (np.where(there, changes - mean[..., None], 0.0) ** 2).sum(-1)
    return mean, squares / (styles - 1) / styles, styles - 1


def _interval(mean: Array, variance: Array, freedom: Array, *, widest: float) -> Estimate:
    half = student.ppf(0.975, freedom) * np.sqrt(variance)
    return Estimate(mean, np.maximum(mean - half, -widest), np.minimum(mean + half, widest))
