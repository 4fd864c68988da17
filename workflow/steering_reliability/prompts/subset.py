"""Choose some prompts of a split without losing a family or a style."""

import hashlib
import math
from collections.abc import Sequence
from itertools import zip_longest

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt


def spread_subset(prompts: Sequence[Prompt], *, limit: int | None) -> list[Prompt]:
    """Take an evenly spread, deterministic subset; subsets of growing size are nested.

    Families take turns; within a family styles take turns, each family starting at another style; within one family
    and style the picks spread over the file (in bit-reversed order) rather than coming from its top.

    Without a limit all are kept.

    Returns:
        The chosen prompts in their original order.

    Raises:
        InputError: If `limit` is below 1.
    """
    if limit is None or limit >= len(prompts):
        return list(prompts)
    if limit < 1:
        raise InputError(f"{limit} prompts would be an empty split", where="limit", fix="give 1 or more, or no limit")
    cells: dict[str, dict[str, list[int]]] = {}
    for index, prompt in enumerate(prompts):
        cells.setdefault(prompt.family, {}).setdefault(prompt.style, []).append(index)
    styles = list(dict.fromkeys(prompt.style for prompt in prompts))
    families = []
    for turn, by_style in enumerate(cells.values()):
        start = turn % len(styles)
        present = [style for style in styles[start:] + styles[:start] if style in by_style]
        families.append(_take_turns([_spread(by_style[style]) for style in present]))
    return [prompts[index] for index in sorted(_take_turns(families)[:limit])]


def _take_turns(queues: list[list[int]]) -> list[int]:
    return [index for turn in zip_longest(*queues) for index in turn if index is not None]


def _spread(indices: list[int]) -> list[int]:
    """Bit-reversed order: 0, middle, quarter, three quarters, ... so that every prefix covers the whole."""
    bits = max(len(indices) - 1, 1).bit_length()
    positions = (int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits))
    return [indices[position] for position in positions if position < len(indices)]


def choose_direction_set(prompts: Sequence[Prompt], *, fraction: float) -> set[str]:
    """Choose the prompts that a direction is built from, spread evenly over families and styles.

    The others are held out from it, and the headline gap rests on them.

    Of n prompts floor(n * fraction) are chosen, at least one; the fraction is in (0, 1].

    Returns:
        Their ids; the same whatever the order.
    """

    def key(prompt: Prompt) -> tuple[str, str, str]:
        return prompt.family or "", prompt.style or "", hashlib.sha256(prompt.id.encode()).hexdigest()

    ordered = sorted(prompts, key=key)
    chosen = {
        prompt.id
        for at, prompt in enumerate(ordered)
        if math.floor((at + 1) * fraction + 1e-9) > math.floor(at * fraction + 1e-9)
    }
    return chosen or {prompt.id for prompt in ordered[:1]}
