"""The check of all prompts at once, light enough to be made before anything runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from steering_reliability.prompts.clusters import copies_note
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.shift import check_shift
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.prompts.validate import check_disjoint, read_prompts


class PromptNotes(NamedTuple):
    """What is no fault of prompts and worth knowing.

    Attributes:
        near_copies: Warnings about prompts that are nearly the same text.
        unchecked: What could not be checked of the shift between harm_train and harm_test.
    """

    near_copies: tuple[str, ...]
    unchecked: tuple[str, ...]


def check_prompts(paths: Mapping[str, str], *, limit: int | None, cluster_field: str = "template") -> PromptNotes:
    """Make sure that every prompt file is sound, no prompt is in two splits, and none asks harm_test in a train style.

    Args:
        paths: Prompt file of each split.
        limit: The most prompts of a split that the run uses, None for all.
        cluster_field: As in `cluster_prompts`.

    Returns:
        What a user should know of the prompts.

    Raises:
        InputError: With every fault of the first file that has any, or with what the splits share.
    """
    prompts = used_prompts(paths, limit=limit)
    check_disjoint(prompts)
    unchecked = check_shift(prompts["harm_train"], prompts["harm_test"])
    copies = [copies_note(own, split=split, field=cluster_field) for split, own in prompts.items()]
    return PromptNotes(tuple(filter(None, copies)), tuple(unchecked))


def used_prompts(paths: Mapping[str, str], *, limit: int | None) -> dict[str, list[Prompt]]:
    """Read the prompts that a run uses of each split.

    Args:
        paths: Prompt file of each split.
        limit: The most prompts of a split, None for all.

    Raises:
        InputError: With every fault of the first file that has any.
    """
    return {split: spread_subset(read_prompts(Path(path), split=split), limit=limit) for split, path in paths.items()}
