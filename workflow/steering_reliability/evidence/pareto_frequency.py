"""How surely is a point on the Pareto frontier?"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.results.prompt_sums import Array, PromptSums, main_points, prompt_sums, weighted_rates
from steering_reliability.results.schema import POINT_KEYS

_CELL_LIMIT: Final = 400_000
"""Resamples times points that are held at once: bounds the memory."""


def pareto_frequency(results: pd.DataFrame, *, n_resamples: int = 10_000, seed: int = 0) -> pd.DataFrame:
    """Measure how often each point is on the Pareto frontier when the prompts are drawn again.

    Prompts of harm_test and of benign are resampled with replacement, each for all points at once.

    Args:
        results: Rows of results.parquet.
        n_resamples: How many resamples.
        seed: Seed of the resamples.

    Returns:
        One row per point of the study, baselines included: `POINT_KEYS`, from_baseline, frontier_share and n, the
        resamples in which both its coordinates are known; NaN where there are none.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 6, for the resampling.
    """
    points = main_points(results)
    test, benign = (prompt_sums(results, split=split, points=points) for split in ("harm_test", "benign"))
    generator = np.random.default_rng(seed)
    on_frontier, known = np.zeros(len(points)), np.zeros(len(points))
    block = max(1, _CELL_LIMIT // max(1, len(points)))
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        gain = weighted_rates(_draw(generator, prompts=test, size=size), sums=test.refusals, counts=test.n)
        cost = weighted_rates(
            _draw(generator, prompts=benign, size=size), sums=benign.helpful_loss, counts=benign.pairs
        )
        on_frontier += on_frontiers(gain=gain, cost=cost).sum(axis=0)
        known += (np.isfinite(gain) & np.isfinite(cost)).sum(axis=0)
    share = np.where(known > 0, on_frontier / np.where(known > 0, known, 1.0), np.nan)
    return points[[*POINT_KEYS, "from_baseline"]].assign(frontier_share=share, n=known.astype("int64"))


def on_frontiers(*, gain: Array, cost: Array) -> npt.NDArray[np.bool_]:
    """Tell which points are on the frontier, as `on_pareto_frontier` does, for many sets of points at once.

    Args:
        gain: What to maximise, [sets, points].
        cost: What to minimise, [sets, points].

    Returns:
        Flags, [sets, points]; a point with a missing coordinate is never on a frontier.
    """
    gains, costs = np.round(gain, 12), np.round(cost, 12)
    missing = ~(np.isfinite(gains) & np.isfinite(costs))
    # A point that cannot beat any other: worst on both.
    gains, costs = np.where(missing, -np.inf, gains), np.where(missing, np.inf, costs)
    flags = ~missing
    for rival in range(gains.shape[1]):
        better_gain, cheaper = gains[:, [rival]] > gains, costs[:, [rival]] < costs
        no_worse = (gains[:, [rival]] >= gains) & (costs[:, [rival]] <= costs)
        flags &= ~(no_worse & (better_gain | cheaper))
    return flags


def _draw(generator: np.random.Generator, *, prompts: PromptSums, size: int) -> npt.NDArray[np.int64]:
    n = len(prompts.prompts)
    if n == 0:
        return np.zeros((size, 0), dtype=np.int64)
    return generator.multinomial(n, np.full(n, 1 / n), size=size)
