"""The prompts of a run: a user's file, capped and in canonical form."""

from pathlib import Path

from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt, write_prompts
from steering_reliability.prompts.subset import spread_subset


def prepare_prompts(source: Path, *, split: str, limit: int | None, output: Path) -> list[Prompt]:
    """Read a prompts file, cap it and write it in canonical form.

    The cap is `subset.spread_subset`: families and styles stay represented, and a larger limit only adds prompts.

    Args:
        source: A user's JSON Lines file; only read.
        split: The split it is for.
        limit: The most prompts to keep, None for all.
        output: The file to write, whole or not at all.

    Returns:
        The prompts that were written.

    Raises:
        InputError: If the file is missing, empty or has any fault, or if `limit` is below 1.
    """
    prompts = spread_subset(read_prompts(source, split=split), limit=limit)
    write_prompts(prompts, path=output)
    return prompts
