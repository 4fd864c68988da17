"""How often a whole report claims anything where nothing is there, from a results table to claims.csv."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm
from steering_reliability.claims.claim import LAYERS as LAYER_CLAIM
from steering_reliability.claims.claim import QUESTIONS
from steering_reliability.claims.claims import MOST_SIGNIFICANT
from steering_reliability.claims.evidence_tables import make_claim_tables
from steering_reliability.evidence.equal_kl import EQUAL_KL_COLUMNS
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.sanity_checks import SANITY_COLUMNS
from steering_reliability.evidence.summary import summarise_pairs

SIZES = (40, 60, 150)
POINTS = [("add", layer, alpha) for layer in ("10", "14", "18") for alpha in (0.2, 0.4, 0.7)]
POINTS += [("ablate", layer, 1.0) for layer in ("10", "14", "18")]
"""The grid of config.yaml."""

HEADLINES = [*QUESTIONS, *(name + MOST_SIGNIFICANT for name in QUESTIONS), LAYER_CLAIM]


@dataclass(frozen=True)
class Design:
    """How the prompts of a split hang together.

    Args:
        name: In words.
        templates: Templates in harm_train and harm_test; 0 makes every prompt one of its own, a negative number groups
            of so many.
        alike: Intraclass correlation of prompts of one template, on the normal scale, of the outcome of a completion.
        noise: Share of an outcome that belongs to prompt and condition, so that changes are not all alike.
        large_group: Whether half of the prompts are one group of near copies.
    """

    name: str
    templates: tuple[int, int]
    alike: float
    noise: float = 0.5
    large_group: bool = False

    def clusters(self, split: str, n: int) -> np.ndarray:
        """Return the number of each prompt's cluster, [n]; with a large group half of the prompts are one."""
        templates = self.templates[split != "harm_train"]
        groups = n if templates == 0 else n // -templates if templates < 0 else min(templates, n)
        clusters = np.arange(n) % groups
        return np.where(np.arange(n) < n // 2, 0, clusters) if self.large_group else clusters


DESIGNS = (
    Design("independent prompts", (0, 0), 0.0),
    Design("20 and 30 templates, ICC .8", (20, 30), 0.8),
    Design("near copies in groups of five, ICC .9", (-5, -5), 0.9),
    Design("half of the prompts near copies of one, ICC .9", (0, 0), 0.9, large_group=True),
)


def null_results(design: Design, *, n: int, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a run in which steering does nothing: at every point each completion is a new draw at the same rate.

    Args:
        design: How prompts hang together; prompts of one template also share how their completions change.
        n: Prompts of each split.
        rate: Of refusal, everywhere.
        rng: Source of randomness.

    Returns:
        The columns of results.parquet that claims are made of.
    """
    parts = [_split(design, split, n=n, rate=rate, rng=rng) for split in ("harm_train", "harm_test", "benign")]
    return pd.concat(parts, ignore_index=True)


def _split(design: Design, split: str, *, n: int, rate: float, rng: np.random.Generator) -> pd.DataFrame:
    cluster = design.clusters(split, n)
    shared = np.sqrt(1 - design.noise)
    # One part of the outcome belongs to the prompt, one to prompt and condition; each is alike within a template.
    own, refused = _alike(design, cluster, rng), {}
    for intervention, layer, alpha in [("none", "", 0.0), *POINTS]:
        moved = _alike(design, cluster, rng)
        refused[intervention, layer, alpha] = shared * own + np.sqrt(design.noise) * moved < norm.ppf(rate)
    conditions = [(name, layer, 0.0) for name in ("add", "ablate") for layer in ("10", "14", "18")] + POINTS
    # Every other prompt of every template.
    builds = np.arange(n) // max(1, int(cluster.max()) + 1) % 2 == np.arange(n) % 2
    frames = []
    for intervention, layer, alpha in conditions:
        outcome = refused["none", "", 0.0] if alpha == 0 else refused[intervention, layer, alpha]
        frames.append(
            pd.DataFrame(
                {
                    "role": "main", "direction": "d", "intervention": intervention, "layer": layer, "alpha": alpha,
                    "seed": 0, "split": split, "id": [f"{split}_{i}" for i in range(n)], "sample": 0,
                    "cluster": [f"{split}_{i}" for i in cluster], "style": [f"style_{i % 4}" for i in cluster],
                    "builds_direction": builds, "from_baseline": alpha == 0,
                    "is_refusal": outcome, "opens_with_refusal": outcome, "is_degenerate": False,
                    "is_helpful": ~outcome, "is_helpful_by_opening": ~outcome, "coefficient": alpha,
                    "relative_strength": alpha, "n_tokens": 40, "mean_entropy": 1.0, "base_logprob": -1.0,
                    "first_token_kl": alpha,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _alike(design: Design, cluster: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    groups = rng.standard_normal(int(cluster.max()) + 1)[cluster]
    return np.sqrt(design.alike) * groups + np.sqrt(1 - design.alike) * rng.standard_normal(len(cluster))


def claims_of(results: pd.DataFrame) -> pd.DataFrame:
    """Return the claims of a run without checks, by the project's own way from the results."""
    sanity, equal_kl = pd.DataFrame(columns=SANITY_COLUMNS), pd.DataFrame(columns=EQUAL_KL_COLUMNS)
    study = study_of(results)
    tables = make_claim_tables(study, summary=summarise_pairs(study.rows), sanity=sanity, equal_kl=equal_kl)
    return tables["claims"].set_index("claim")


@dataclass(frozen=True)
class NullCell:
    """How many of some null reports had a headline claim shown.

    Args:
        where: What is true there, in words.
        reports: Simulated reports.
        shown: Those with any headline `shown`.
        by_claim: Share of the reports in which each headline is shown.
    """

    where: str
    reports: int
    shown: int
    by_claim: dict[str, float]


def null_cells(
    *, reports: int, rng: np.random.Generator, sizes: tuple[int, ...] = SIZES, rates: tuple[float, ...] = (0.07, 0.5)
) -> Iterator[NullCell]:
    """Simulate null reports of every design, size and rate."""
    for design, n, rate in product(DESIGNS, sizes, rates):
        verdicts = [
            claims_of(null_results(design, n=n, rate=rate, rng=rng))["verdict"].reindex(HEADLINES).eq("shown")
            for _ in range(reports)
        ]
        table = pd.DataFrame(verdicts)
        shares = {name: float(table[name].mean()) for name in HEADLINES}
        yield NullCell(f"{design.name}, n = {n}, rate {rate}", reports, int(table.any(axis=1).sum()), shares)
