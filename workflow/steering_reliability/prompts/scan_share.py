"""Reserve some prompts for the scan, so that what it chooses was not seen on the study's own."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.similarity import cluster_prompts

FEWEST_CLUSTERS: Final = 10
"""With fewer clusters than this, whole ones would leave too few styles of asking on either side."""


def reserved_prompts(
    prompts: Sequence[Prompt], *, share: float, seed: int, cluster_field: str = "template"
) -> set[str]:
    """Draw the prompts of a split that the study does not use.

    Whole clusters of `cluster_prompts` are drawn where there are at least 10, so that the study shares no template with
    the scan; else prompts at random, near copies together. Styles take turns.

    Of n prompts floor(n * share) are reserved, give or take half a cluster; at least one cluster.

    Returns:
        Their ids; the same whatever the order.

    Raises:
        InputError: When none would be left for the study.
    """
    ordered = sorted(prompts, key=lambda prompt: prompt.id)
    clusters = _clusters(ordered, field=cluster_field)
    if len(clusters) < FEWEST_CLUSTERS:
        # No prompt has a field of this name: near copies alone are joined.
        clusters = _clusters(ordered, field="")
    target = math.floor(len(prompts) * share + 1e-9)
    found: set[str] = set()
    for cluster in _by_turns(clusters, seed=seed):
        if not found or len(cluster) <= 2 * (target - len(found)):
            found |= {prompt.id for prompt in cluster}
    if len(found) >= len(prompts):
        raise InputError(
            f"the scan would take all {len(prompts)} prompts of a split, and the study would have none",
            where="config key scan.share",
            fix="give more prompts, a smaller share, or name experiment.layers and experiment.alphas",
        )
    return found


def _clusters(prompts: Sequence[Prompt], *, field: str) -> list[list[Prompt]]:
    found: dict[str, list[Prompt]] = {}
    cluster_of = cluster_prompts(prompts, field=field)
    for prompt in prompts:
        found.setdefault(cluster_of[prompt.id], []).append(prompt)
    return list(found.values())


def _by_turns(clusters: Sequence[list[Prompt]], *, seed: int) -> Iterator[list[Prompt]]:
    """Clusters in random order, the styles of their first prompts taking turns."""
    shuffled = random.Random(seed).sample(clusters, len(clusters))
    by_style: dict[str, list[list[Prompt]]] = {}
    for cluster in shuffled:
        by_style.setdefault(cluster[0].style, []).append(cluster)
    for turn in zip_longest(*by_style.values()):
        yield from (cluster for cluster in turn if cluster is not None)
