"""The prompts of a split, shared between the scan and the study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from steering_reliability.prompts.scan_share import draw_scan_prompts
from steering_reliability.prompts.schema import Prompt

SCANNED_SPLITS: Final = ("harm_train", "benign")
"""The splits of which the scan holds back prompts; harm_test is left to the study."""


@dataclass(frozen=True)
class Parted:
    """The prompts of a split that the scan uses, and those that the study may use, each in the order of the file."""

    scan: list[Prompt]
    study: list[Prompt]


def part_prompts(prompts: Sequence[Prompt], *, share: float, limit: int, seed: int, cluster_field: str) -> Parted:
    """Hold back a share of a split for the scan; with a share of 0 none.

    The arguments are those of `draw_scan_prompts`.

    Raises:
        InputError: When the study would have none left.
    """
    if share == 0:
        return Parted([], list(prompts))
    drawn = draw_scan_prompts(prompts, share=share, limit=limit, seed=seed, cluster_field=cluster_field)
    held = [prompt for prompt in prompts if prompt.id in drawn]
    return Parted(held, [prompt for prompt in prompts if prompt.id not in drawn])
