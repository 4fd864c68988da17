"""The check of all prompts at once, light enough to be made before anything runs."""

from collections.abc import Mapping
from pathlib import Path

from steering_reliability.prompts.clusters import copies_note
from steering_reliability.prompts.shift import check_shift
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.prompts.validate import check_disjoint, read_prompts


def check_prompts(paths: Mapping[str, str], *, limit: int | None, cluster_field: str = "template") -> list[str]:
    """Make sure that every prompt file is sound, no prompt is in two splits, and harm_test is shifted.

    Args:
        paths: Prompt file of each split.
        limit: The most prompts of a split that the run uses, None for all.
        cluster_field: As in `cluster_prompts`.

    Returns:
        Warnings about prompts that are nearly the same text.

    Raises:
        InputError: With every fault of the first file that has any, or with what the splits share.
    """
    prompts = {
        split: spread_subset(read_prompts(Path(path), split=split), limit=limit) for split, path in paths.items()
    }
    check_disjoint(prompts)
    check_shift(prompts["harm_train"], prompts["harm_test"])
    notes = [copies_note(own, split=split, field=cluster_field) for split, own in prompts.items()]
    return [note for note in notes if note]
