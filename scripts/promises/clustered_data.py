"""Completions that fall into clusters, drawn at known rates."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from steering_reliability.analysis.cluster_bootstrap import ENOUGH_CLUSTERS
from steering_reliability.analysis.cluster_intervals import PairedCounts

from promises.cell import SIZES

ALIKE = 0.3
"""No promise is made for few families whose prompts are more alike than this (intraclass correlation)."""


def cluster_rates(
    rng: np.random.Generator, rate: float, *, alike: float, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Draw each cluster's own rate, beta with mean `rate` and intraclass correlation `alike`."""
    if alike == 0:
        return np.full(shape, rate)
    strength = 1 / alike - 1
    return rng.beta(rate * strength, (1 - rate) * strength, size=shape)


@dataclass(frozen=True)
class Layout:
    """How completions fall into clusters.

    Args:
        unit: What a cluster is: prompt or family.
        clusters: How many there are.
        n: Completions.
        alike: Intraclass correlation.
    """

    unit: str
    clusters: int
    n: int
    alike: float

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Completions per cluster, dealt as evenly as can be."""
        return np.asarray(self.n // self.clusters + (np.arange(self.clusters) < self.n % self.clusters))

    @property
    def is_promised(self) -> bool:
        """Whether the intervals claim to cover here."""
        return self.unit == "prompt" or (self.clusters >= ENOUGH_CLUSTERS and self.alike <= ALIKE)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.n} completions, {self.clusters} clusters, correlation {self.alike}"


BY_PROMPT = [
    *(Layout("prompt", n, n, 0.0) for n in SIZES),
    *(Layout("prompt", n, 4 * n, alike) for n, alike in product(SIZES, (0.1, 0.3, 0.7))),
]
BY_FAMILY = [
    Layout("family", clusters, n, alike)
    for n, clusters, alike in product((60, 150), (4, 6, 8, 10, 20), (0.0, 0.1, 0.3, 0.5))
]
"""The project's own prompt sets have 6 to 10 families."""


def draw_pairs(
    rng: np.random.Generator, rates: tuple[float, float], *, layout: Layout, replicates: int
) -> PairedCounts:
    """Draw pairs in clusters: the two rates of each cluster are beta, and the pairs share half of what they can."""
    shape = (replicates, layout.clusters)
    first, second = (cluster_rates(rng, rate, alike=layout.alike, shape=shape) for rate in rates)
    both = (first * second + np.minimum(first, second)) / 2
    chances = np.stack([both, first - both, second - both, 1 - first - second + both], axis=-1).clip(0)
    counts = rng.multinomial(layout.sizes, chances / chances.sum(-1, keepdims=True)).astype(float)
    return PairedCounts(*np.moveaxis(counts, -1, 0))
