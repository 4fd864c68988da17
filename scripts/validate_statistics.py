"""Check what the intervals and tests promise: coverage, false positives and power, exactly or by simulation.

    python scripts/validate_statistics.py [--replicates N] [--seed N] [--out FILE]

Prints Markdown, writes it to results/validation/coverage.md and returns 1 if a promise is broken.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest, multinomial, norm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.analysis.cluster_bootstrap import ENOUGH_CLUSTERS, bootstrap_effect_gap
from steering_reliability.analysis.cluster_intervals import (
    PairedCounts,
    clustered_difference,
    clustered_effect_gap,
    clustered_rate,
)
from steering_reliability.analysis.metric_error import rogan_gladen
from steering_reliability.analysis.multiplicity import holm, mcnemar_p
from steering_reliability.analysis.statistics import (
    Array,
    Estimate,
    difference_of_estimates,
    newcombe_interval,
    newcombe_paired_interval,
    wilson_interval,
)
from steering_reliability.whole_file import write_text

REPORT = Path(__file__).resolve().parents[1] / "results" / "validation" / "coverage.md"
SIZES = (20, 60, 150)
RATES = (0.02, 0.1, 0.5, 0.9)
LEAST, LOWEST_MEAN, HIGHEST_MEAN = 0.91, 0.94, 0.96
ALIKE = 0.3
"""No promise is made for few families whose prompts are more alike than this (intraclass correlation)."""
CONSERVATIVE = {
    "Newcombe paired, difference": "it corrects the correlation of the pairs for continuity",
    "rate corrected for the metric": "successes and failures are added to all three rates",
    "paired difference by prompt": "it is Newcombe's where a prompt has one sample",
    "paired difference by family": "so is Newcombe's, and a design effect below 1 is not believed",
    "clustered rate by family": "a design effect below 1 is not believed, however few the families that tell it",
    "gap of rates by family": "so are the two rates",
    "effect gap by family, closed form": "so are the two differences; the tables use the bootstrap from 8 families on",
    "effect gap by prompt, closed form": "so are the two differences; the tables use the bootstrap",
}
"""Intervals that cover more than 96% on average, and why; they only promise not to cover less than they say."""
GRID = 15
INTRODUCTION = (
    f"A 95% interval promises a coverage of {LEAST:.0%} or more in every cell, and of {LOWEST_MEAN:.0%} to "
    f"{HIGHEST_MEAN:.0%} on average; those listed as wider than need be promise no upper bound. By family nothing is "
    f"promised for fewer than {ENOUGH_CLUSTERS} families or intraclass correlations above {ALIKE}. Wilson's and "
    "Newcombe's intervals are computed exactly, the others simulated."
)


@dataclass(frozen=True)
class Cell:
    """The coverage of one method at one truth.

    Args:
        method: The interval.
        truth: What is true there, in words.
        coverage: Share of the 95% intervals that hold the true value.
        replicates: Simulated data sets; 0 where the coverage is computed exactly.
        is_promised: Whether the method claims to cover there.
    """

    method: str
    truth: str
    coverage: float
    replicates: int = 0
    is_promised: bool = True


def covers(estimate: Estimate, truth: float) -> npt.NDArray[np.bool_]:
    """Return which intervals hold the true value; rounding of the last bits does not count against them."""
    return np.asarray((estimate.low <= truth + 1e-12) & (truth - 1e-12 <= estimate.high))


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


EFFECTS = ((0.1, 0.1), (0.02, 0.02), (0.5, 0.1), (0.9, 0.1), (0.5, 0.5), (0.1, 0.02), (0.9, 0.9))
"""Steered and unsteered rates in one set of prompts; the other set has those two places further on."""


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


def coverage_table(cells: Sequence[Cell]) -> tuple[list[str], list[str]]:
    """Return the coverage per method as lines of Markdown, and the promises that are broken."""
    lines = ["| interval | cells | mean | lowest | at | cells without a promise: mean | lowest |", "|" + "---|" * 7]
    broken = []
    for method in dict.fromkeys(cell.method for cell in cells):
        own = [cell for cell in cells if cell.method == method]
        promised = [cell for cell in own if cell.is_promised]
        others = [cell.coverage for cell in own if not cell.is_promised]
        lowest = min(promised, key=lambda cell: cell.coverage)
        mean = float(np.mean([cell.coverage for cell in promised]))
        rest = f"{np.mean(others):.3f} | {min(others):.3f}" if others else "|"
        lines.append(f"| {method} | {len(promised)} | {mean:.3f} | {lowest.coverage:.3f} | {lowest.truth} | {rest} |")
        if mean < LOWEST_MEAN or (mean > HIGHEST_MEAN and method not in CONSERVATIVE):
            broken.append(f"{method}: mean coverage {mean:.3f}, not {LOWEST_MEAN} to {HIGHEST_MEAN}")
        broken += [f"{method}: {cell.coverage:.3f} at {cell.truth}" for cell in promised if cell.coverage < LEAST]
    return lines, broken


def error_table(*, replicates: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the false positives of null grids as lines of Markdown, and the promises that are broken."""
    lines = [f"| grid of {GRID} points | any p <= 0.05 | any Holm p <= 0.05 |", "|---|---|---|"]
    broken = []
    for n, rate, correlation in product((60, 150), (0.1, 0.5), (0.3, 0.6, 0.9)):
        raw, corrected = false_positive_families(
            n=n, rate=rate, correlation=correlation, replicates=replicates, rng=rng
        )
        where = f"n = {n}, rate {rate}, correlation {correlation}"
        lines.append(f"| {where} | {raw:.3f} | {corrected:.3f} |")
        if corrected > 0.05 + 3 * np.sqrt(0.05 * 0.95 / replicates):
            broken.append(f"Holm: {corrected:.3f} of the grids at {where}")
    return lines, broken


def power_table(*, replicates: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Return the power at planted effects as lines of Markdown, and the promises that are broken."""
    lines = ["| planted effect | power, exact | power, simulated |", "|---|---|---|"]
    broken = []
    for n, (up, down) in product(SIZES, ((0.2, 0.05), (0.3, 0.05), (0.5, 0.02))):
        exact = mcnemar_power(n=n, steered_only=up, baseline_only=down)
        found = simulated_power(n=n, steered_only=up, baseline_only=down, replicates=replicates, rng=rng)
        where = f"n = {n}, +{up} and -{down} of the prompts"
        lines.append(f"| {where} | {exact:.3f} | {found:.3f} |")
        if abs(found - exact) > 4 * np.sqrt(max(exact * (1 - exact), 1 / replicates) / replicates):
            broken.append(f"power: {found:.3f} instead of {exact:.3f} at {where}")
    return lines, broken


def every_cell(*, replicates: int, resamples: int, rng: np.random.Generator) -> list[Cell]:
    """Return the coverage of every interval."""
    return [
        *wilson_cells(),
        *newcombe_cells(),
        *paired_cells(),
        *corrected_rate_cells(replicates=min(replicates, 1000), rng=rng),
        *clustered_rate_cells(layouts=[*BY_PROMPT, *BY_FAMILY], replicates=replicates, rng=rng),
        *contrast_cells(layouts=[*BY_PROMPT, *BY_FAMILY], resamples=resamples, replicates=replicates, rng=rng),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print and write the report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=2000, help="simulated data sets per cell")
    parser.add_argument("--resamples", type=int, default=1000, help="of each bootstrap")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    cells = every_cell(replicates=options.replicates, resamples=options.resamples, rng=rng)
    sections = {
        "Coverage of the 95% intervals": coverage_table(cells),
        "False positives where nothing is there": error_table(replicates=options.replicates, rng=rng),
        "Power of McNemar's exact test": power_table(replicates=options.replicates, rng=rng),
    }
    broken = [line for _, found in sections.values() for line in found]
    how = f"{INTRODUCTION} Seed {options.seed}, {options.replicates} data sets per simulated cell."
    blocks = [how, *(_section(title, lines) for title, (lines, _) in sections.items())]
    blocks.append(_section("Wider than need be", [f"- {name}: {why}" for name, why in CONSERVATIVE.items()]))
    blocks.append(_section(f"Promises broken: {len(broken)}", [f"- {line}" for line in broken] or ["None."]))
    report = "\n\n".join(blocks)
    print(report)
    write_text(options.out, f"{report}\n")
    return 1 if broken else 0


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines])


if __name__ == "__main__":
    raise SystemExit(main())
