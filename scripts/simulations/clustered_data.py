"""Completions that fall into clusters, drawn at known rates."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from steering_reliability.statistics.cluster_intervals import PairedCounts

from simulations.cell import SIZES

ALIKE = 0.3
ENOUGH_CLUSTERS = 8
ENOUGH_NEAR_COPIES = 20
"""No coverage is claimed for fewer templates; where their prompts are near copies more are needed."""


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
        unit: What a cluster is: prompt, template or style.
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
    def must_cover(self) -> bool:
        """Whether the intervals claim to cover here."""
        if self.unit == "template":
            return self.clusters >= (ENOUGH_CLUSTERS if self.alike <= ALIKE else ENOUGH_NEAR_COPIES)
        # Four to six styles that differ much, in outcomes that are rare, are too small a sample for a bound.
        return self.unit == "prompt"

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.n} completions, {self.clusters} clusters, correlation {self.alike}"


BY_PROMPT = [
    *(Layout("prompt", n, n, 0.0) for n in SIZES),
    *(Layout("prompt", n, 4 * n, alike) for n, alike in product(SIZES, (0.1, 0.3, 0.7))),
]
BY_TEMPLATE = [
    Layout("template", clusters, n, alike)
    for n, clusters, alike in product((40, 60, 150), (4, 8, 20, 30), (0.0, 0.3, 0.8))
    if clusters < n
]
"""The project's own prompt sets have 45 templates each, those that build no direction at 40 prompts 20."""

BY_STYLE = [
    Layout("style", clusters, n, alike) for n, clusters, alike in product((40, 150), (4, 6, 15), (0.0, 0.15, 0.3))
]
"""They have 15 styles each."""


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
