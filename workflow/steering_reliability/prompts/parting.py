"""The prompts of a split, shared between the scan and the study."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from steering_reliability.prompts.scan_share import reserved_prompts
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import spread_subset

SCANNED_SPLITS: Final = ("harm_train", "benign")
"""The splits of which the scan holds back prompts; harm_test is left to the study."""


@dataclass(frozen=True)
class Parted:
    """The prompts of a split that the scan reads, and those that the study may use, each in the order of the file."""

    scan: list[Prompt]
    study: list[Prompt]


def part_prompts(
    prompts: Sequence[Prompt], *, share: float = 0.0, limit: int | None = None, seed: int = 0, cluster_field: str = ""
) -> Parted:
    """Reserve a share of a split for the scan, which reads at most `limit` of it; by default none.

    The other arguments are those of `reserved_prompts`. Reserved prompts that are not read are in neither part.

    Raises:
        InputError: When the study would have none left.
    """
    if share == 0:
        return Parted([], list(prompts))
    reserved = _reserved(tuple(prompts), share=share, seed=seed, cluster_field=cluster_field)
    # The same prompts whatever their order in the file.
    held = sorted((prompt for prompt in prompts if prompt.id in reserved), key=lambda prompt: prompt.id)
    read = {prompt.id for prompt in spread_subset(held, limit=limit)}
    return Parted(
        [prompt for prompt in prompts if prompt.id in read],
        [prompt for prompt in prompts if prompt.id not in reserved],
    )


@lru_cache(maxsize=4)
def _reserved(prompts: tuple[Prompt, ...], *, share: float, seed: int, cluster_field: str) -> set[str]:
    # Digests, files and counts of a split all ask, and near copies take a second to find among 10,000 prompts.
    return reserved_prompts(prompts, share=share, seed=seed, cluster_field=cluster_field)
