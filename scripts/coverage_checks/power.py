"""How often the test of an effect finds one that was planted."""

import numpy as np
from scipy.stats import binom, binomtest
from steering_reliability.statistics.cluster_tests import sign_flip_p


def sign_flip_power(*, n: int, steered_only: float, baseline_only: float, level: float = 0.05) -> float:
    """Return the chance that the exact test finds an effect, by going through every outcome.

    Args:
        n: Pairs.
        steered_only: Chance that a pair succeeds only when steered.
        baseline_only: Chance that it succeeds only in the baseline.
        level: Of the test.
    """
    discordant = steered_only + baseline_only
    power = 0.0
    for pairs in range(1, n + 1):
        wins = [k for k in range(pairs + 1) if binomtest(k, pairs).pvalue <= level]
        power += binom.pmf(pairs, n, discordant) * np.sum(binom.pmf(wins, pairs, steered_only / discordant))
    return float(power)


def simulated_power(
    *, n: int, steered_only: float, baseline_only: float, replicates: int, rng: np.random.Generator
) -> float:
    """Return how often the test finds a planted effect at the 5% level; arguments as in `sign_flip_power`."""
    chances = [steered_only, baseline_only, 1 - steered_only - baseline_only]
    counts = rng.multinomial(n, chances, size=replicates)
    changes = np.where(
        np.arange(n) < counts[:, :1], 1, np.where(np.arange(n) < counts[:, :2].sum(-1, keepdims=True), -1, 0)
    )
    return float((sign_flip_p(changes) <= 0.05).mean())
