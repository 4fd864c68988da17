"""Take fewer prompts from a split without losing a family or a style."""

from collections.abc import Sequence
from itertools import zip_longest

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt


def spread_subset(prompts: Sequence[Prompt], *, limit: int | None) -> list[Prompt]:
    """Take an evenly spread, deterministic subset; subsets of growing size are nested.

    Families take turns; within a family styles take turns, each family starting at another style; within one family
    and style the picks spread over the file (in bit-reversed order) rather than coming from its top.

    Args:
        prompts: The prompts of one split.
        limit: The most to keep, None for all.

    Returns:
        The chosen prompts in their original order.

    Raises:
        InputError: If `limit` is below 1.
    """
    if limit is None or limit >= len(prompts):
        return list(prompts)
    if limit < 1:
        raise InputError(f"{limit} prompts would be an empty split", where="limit", fix="give 1 or more, or no limit")
    return [prompts[index] for index in sorted(_by_priority(prompts)[:limit])]


def _by_priority(prompts: Sequence[Prompt]) -> list[int]:
    cells: dict[str, dict[str, list[int]]] = {}
    for index, prompt in enumerate(prompts):
        cells.setdefault(prompt.family, {}).setdefault(prompt.style, []).append(index)
    styles = list(dict.fromkeys(prompt.style for prompt in prompts))
    families = []
    for turn, by_style in enumerate(cells.values()):
        start = turn % len(styles)
        present = [style for style in styles[start:] + styles[:start] if style in by_style]
        families.append(_take_turns([_spread(by_style[style]) for style in present]))
    return _take_turns(families)


def _take_turns(queues: list[list[int]]) -> list[int]:
    return [index for turn in zip_longest(*queues) for index in turn if index is not None]


def _spread(indices: list[int]) -> list[int]:
    """Bit-reversed order: 0, middle, quarter, three quarters, ... so that every prefix covers the whole."""
    bits = max(len(indices) - 1, 1).bit_length()
    positions = (int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits))
    return [indices[position] for position in positions if position < len(indices)]
