"""Coverage of the intervals that have no closed sum over outcomes, by simulation."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from steering_reliability.analysis.cluster_bootstrap import bootstrap_effect_gap
from steering_reliability.analysis.cluster_intervals import (
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.analysis.metric_error import rogan_gladen
from steering_reliability.analysis.statistics import difference_of_estimates

from promises.cell import RATES, Cell, covers
from promises.clustered_data import Layout, cluster_rates, draw_pairs

EFFECTS = ((0.1, 0.1), (0.02, 0.02), (0.5, 0.1), (0.9, 0.1), (0.5, 0.5), (0.1, 0.02), (0.9, 0.9))
"""Steered and unsteered rates in one set of prompts; the other set has those two places further on."""


def clustered_rate_cells(
    *, layouts: Sequence[Layout], replicates: int, rng: np.random.Generator, rates: Sequence[float] = RATES
) -> Iterator[Cell]:
    """Yield the coverage of the clustered rate."""
    for layout, rate in product(layouts, rates):
        own = cluster_rates(rng, rate, alike=layout.alike, shape=(replicates, layout.clusters))
        estimate = clustered_rate(rng.binomial(layout.sizes, own), sizes=layout.sizes)
        coverage = float(covers(estimate, rate).mean())
        method = f"clustered rate by {layout.unit}"
        yield Cell(method, f"{layout}, rate {rate}", coverage, replicates, is_promised=layout.is_promised)


def contrast_cells(
    *,
    layouts: Sequence[Layout],
    replicates: int,
    resamples: int,
    rng: np.random.Generator,
    effects: Sequence[tuple[float, float]] = EFFECTS,
) -> Iterator[Cell]:
    """Yield the coverage of the contrasts of clusters.

    Args:
        layouts: Of both sets of prompts.
        replicates: Simulated data sets per cell.
        resamples: Of the bootstrap.
        rng: Source of randomness.
        effects: Steered and unsteered rates.
    """
    for layout, (place, train) in product(layouts, enumerate(effects)):
        test = effects[(place + 2) % len(effects)]
        first, second = (draw_pairs(rng, rates, layout=layout, replicates=replicates) for rates in (train, test))
        rates = (clustered_rate(pairs.both + pairs.first_only, sizes=pairs.sizes) for pairs in (first, second))
        effect, gap = train[0] - train[1], train[0] - train[1] - test[0] + test[1]
        drawn = bootstrap_effect_gap(first, second=second, seed=rng, resamples=resamples)
        found = {
            f"paired difference by {layout.unit}": (clustered_difference(first), effect),
            f"gap of rates by {layout.unit}": (difference_of_estimates(*rates), train[0] - test[0]),
            f"effect gap by {layout.unit}, bootstrap": (drawn, gap),
            f"effect gap by {layout.unit}, closed form": (clustered_effect_gap(first, second=second), gap),
        }
        for method, (estimate, truth) in found.items():
            coverage = float(covers(estimate, truth).mean())
            where = f"{layout}, rates {train} and {test}"
            yield Cell(method, where, coverage, replicates, is_promised=layout.is_promised)


def corrected_rate_cells(*, replicates: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Yield the coverage of the rate corrected for the metric's errors, 40 or 150 labels of each kind."""
    for n, labels, rate, (se, sp) in product((60, 150), (40, 150), RATES, ((0.95, 0.95), (0.9, 0.99), (0.8, 0.9))):
        counts = zip(
            rng.binomial(n, rate * se + (1 - rate) * (1 - sp), replicates).tolist(),
            rng.binomial(labels, se, replicates).tolist(),
            rng.binomial(labels, sp, replicates).tolist(),
            strict=True,
        )
        found = [
            covers(rogan_gladen(k, n=n, sensitivity=(right, labels), specificity=(clear, labels)), rate)
            for k, right, clear in counts
        ]
        where = f"n = {n}, rate {rate}, {labels} labels of each kind, sensitivity {se}, specificity {sp}"
        yield Cell("rate corrected for the metric", where, float(np.mean(found)), replicates)
