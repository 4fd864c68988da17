"""Coverage of Wilson's and Newcombe's intervals, computed by going through every outcome."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from scipy.stats import binom, multinomial
from steering_reliability.statistics.intervals import (
    Array,
    newcombe_interval,
    newcombe_paired_interval,
    wilson_interval,
)

from coverage_checks.cell import RATES, SIZES, Cell, covers


def wilson_cells() -> Iterator[Cell]:
    """Yield the exact coverage of Wilson's interval."""
    for n, rate in product(SIZES, RATES):
        successes = np.arange(n + 1)
        chance = binom.pmf(successes, n, rate)
        covered = covers(wilson_interval(successes, n), rate)
        yield Cell("Wilson, rate", f"n = {n}, rate {rate}", float(chance @ covered))


def newcombe_cells() -> Iterator[Cell]:
    """Yield the exact coverage of Newcombe's interval for two independent groups of the same size."""
    for n in SIZES:
        successes = np.arange(n + 1)
        estimate = newcombe_interval(successes[:, None], n, successes[None, :], n)
        for rate, other in product(RATES, RATES):
            if rate > other:
                continue
            chance = np.outer(binom.pmf(successes, n, rate), binom.pmf(successes, n, other))
            coverage = float((chance * covers(estimate, rate - other)).sum())
            yield Cell("Newcombe, difference", f"n = {n} each, rates {rate} and {other}", coverage)


def paired_cells(*, sizes: Sequence[int] = SIZES) -> Iterator[Cell]:
    """Yield the exact coverage of Newcombe's paired interval; the pairs share 0 or half of the chance they can."""
    for n in sizes:
        tables = _all_tables(n)
        estimate = newcombe_paired_interval(*tables.T)
        for rate, other, shared in product(RATES, RATES, (0.0, 0.5)):
            if rate > other:
                continue
            chances = _pair_chances(rate, other, shared)
            weight = np.exp(_log_multinomial(tables, chances))
            coverage = float(weight @ covers(estimate, rate - other))
            truth = f"n = {n} pairs, rates {rate} and {other}, {'independent' if shared == 0 else 'alike'}"
            yield Cell("Newcombe paired, difference", truth, coverage)


def _all_tables(n: int) -> Array:
    """Return every table of n pairs, [tables, 4]."""
    a, b, c = (axis.ravel() for axis in np.indices((n + 1, n + 1, n + 1), dtype=np.int16))
    kept = a + b + c <= n
    a, b, c = a[kept], b[kept], c[kept]
    return np.stack([a, b, c, n - a - b - c], axis=1).astype(float)


def _log_multinomial(tables: Array, chances: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(multinomial.logpmf(tables, int(tables[0].sum()), chances))


def _pair_chances(rate: float, other: float, shared: float) -> Array:
    """Return the chances of both, first only, second only and neither."""
    independent, most = rate * other, min(rate, other)
    both = independent + shared * (most - independent)
    return np.array([both, rate - both, other - both, 1 - rate - other + both])
