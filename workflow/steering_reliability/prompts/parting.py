"""The prompts of a split, shared between the scan and the study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from steering_reliability.prompts.scan_share import draw_scan_prompts, reserved_prompts
from steering_reliability.prompts.schema import Prompt

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

    The arguments are those of `draw_scan_prompts`. Reserved prompts that the scan doesn't read are in neither part.

    Raises:
        InputError: When the study would have none left.
    """
    if share == 0:
        return Parted([], list(prompts))
    reserved = reserved_prompts(prompts, share=share, seed=seed, cluster_field=cluster_field)
    read = draw_scan_prompts(prompts, share=share, limit=limit, seed=seed, cluster_field=cluster_field)
    return Parted(
        [prompt for prompt in prompts if prompt.id in read],
        [prompt for prompt in prompts if prompt.id not in reserved],
    )
