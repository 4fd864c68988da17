"""How often the tests find something: where nothing is there, and where an effect was planted."""

import numpy as np
from scipy.stats import binom, binomtest, norm
from steering_reliability.analysis.multiplicity import holm, mcnemar_p

GRID = 15


def false_positive_families(
    *, n: int, rate: float, correlation: float, replicates: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return how often a grid of points that do nothing has a significant one, without and with Holm's correction.

    Args:
        n: Prompts.
        rate: Of refusal, at every point and in the baseline.
        correlation: Between any two points, and with the baseline, on the normal scale.
        replicates: Simulated grids of `GRID` points.
        rng: Source of randomness.

    Returns:
        Share of the grids with p of at most 0.05, raw and corrected.
    """
    shared = rng.standard_normal((replicates, 1, n))
    own = rng.standard_normal((replicates, GRID + 1, n))
    refused = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own < norm.ppf(rate)
    steered, baseline = refused[:, 1:], refused[:, :1]
    p = mcnemar_p((steered & ~baseline).sum(-1), second_only=(~steered & baseline).sum(-1))
    corrected = holm(p.ravel(), families=np.repeat(np.arange(replicates), GRID)).reshape(p.shape)
    return float((p <= 0.05).any(-1).mean()), float((corrected <= 0.05).any(-1).mean())


def mcnemar_power(*, n: int, steered_only: float, baseline_only: float, level: float = 0.05) -> float:
    """Return the chance that McNemar's exact test finds an effect, by going through every outcome.

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
    """Return how often McNemar's test finds a planted effect at the 5% level; arguments as in `mcnemar_power`."""
    chances = [steered_only, baseline_only, 1 - steered_only - baseline_only]
    counts = rng.multinomial(n, chances, size=replicates)
    return float((mcnemar_p(counts[:, 0], second_only=counts[:, 1]) <= 0.05).mean())
