"""Coverage of the intervals that have no closed sum over outcomes, by simulation."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from steering_reliability.evidence.metric_error import rogan_gladen
from steering_reliability.statistics.cluster_intervals import (
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.statistics.intervals import difference_of_estimates, newcombe_paired_interval
from steering_reliability.statistics.style_intervals import at_least_as_wide, change_over_styles, gap_over_styles

from coverage_checks.cell import RATES, Cell, covers
from coverage_checks.clustered_data import Layout, cluster_rates, draw_pairs

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
        yield Cell(method, f"{layout}, rate {rate}", coverage, replicates, is_guaranteed=layout.is_guaranteed)


def contrast_cells(
    *,
    layouts: Sequence[Layout],
    replicates: int,
    rng: np.random.Generator,
    effects: Sequence[tuple[float, float]] = EFFECTS,
) -> Iterator[Cell]:
    """Yield the coverage of the contrasts of clusters.

    Args:
        layouts: Of both sets of prompts.
        replicates: Simulated data sets per cell.
        rng: Source of randomness.
        effects: Steered and unsteered rates.
    """
    for layout, (place, train) in product(layouts, enumerate(effects)):
        test = effects[(place + 2) % len(effects)]
        first, second = (draw_pairs(rng, rates, layout=layout, replicates=replicates) for rates in (train, test))
        effect, gap = train[0] - train[1], train[0] - train[1] - test[0] + test[1]
        if layout.unit == "style":
            # As the tables have them: never narrower than the interval of prompts that are alike by style only.
            one, other = (newcombe_paired_interval(*(cell.sum(-1) for cell in pairs)) for pairs in (first, second))
            change = at_least_as_wide(change_over_styles(first), prompts=one)
            both = at_least_as_wide(gap_over_styles(first, second=second), prompts=difference_of_estimates(one, other))
            found = {"change over styles": (change, effect), "gap over styles": (both, gap)}
        else:
            rates = (clustered_rate(pairs.both + pairs.first_only, sizes=pairs.sizes) for pairs in (first, second))
            found = {
                f"paired difference by {layout.unit}": (clustered_difference(first), effect),
                f"gap of rates by {layout.unit}": (difference_of_estimates(*rates), train[0] - test[0]),
                f"gap of effects by {layout.unit}": (clustered_effect_gap(first, second=second), gap),
            }
        for method, (estimate, truth) in found.items():
            coverage = float(covers(estimate, truth).mean())
            where = f"{layout}, rates {train} and {test}"
            yield Cell(method, where, coverage, replicates, is_guaranteed=layout.is_guaranteed)


GAP_SIZES = ((20, 40), (30, 60), (75, 150))
GAP_RATES = ((0.05, 0.05), (0.3, 0.05), (0.95, 0.02), (0.7, 0.5), (0.2, 0.95), (0.95, 0.9), (0.02, 0.1))
"""Steered and unsteered, from .02 to .95."""


def headline_gap_cells(
    *, replicates: int, rng: np.random.Generator, sizes: Sequence[tuple[int, int]] = GAP_SIZES
) -> Iterator[Cell]:
    """Yield the coverage of the headline's gap of effects: held-out harm_train prompts against those of harm_test."""
    for (n, other), train, test in product(sizes, GAP_RATES, GAP_RATES):
        first, second = (
            draw_pairs(rng, rates, layout=Layout("prompt", size, size, 0.0), replicates=replicates)
            for size, rates in ((n, train), (other, test))
        )
        coverage = float(
            covers(clustered_effect_gap(first, second=second), train[0] - train[1] - test[0] + test[1]).mean()
        )
        yield Cell("headline gap of effects", f"{n} against {other}, rates {train} and {test}", coverage, replicates)


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
