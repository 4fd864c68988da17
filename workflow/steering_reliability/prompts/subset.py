"""Choose some prompts of a split without losing a family or a style."""

import hashlib
import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import islice

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt


def spread_subset(prompts: Sequence[Prompt], *, limit: int | None) -> list[Prompt]:
    """Take an evenly spread, deterministic subset; subsets of growing size are nested.

    Families take turns. Each takes its least used style, of these the one that the subset has least of, of these the
    next one of a round that every family starts elsewhere. Within one family and style the picks spread over the file
    (in bit-reversed order) rather than coming from its top.

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
    chosen = islice(_take_turns(list(cells.values()), styles=styles), limit)
    return [prompts[index] for index in sorted(chosen)]


def _take_turns(families: list[dict[str, list[int]]], *, styles: list[str]) -> Iterator[int]:
    queues = [{style: _spread(indices) for style, indices in by_style.items()} for by_style in families]
    taken = [dict.fromkeys(queue, 0) for queue in queues]
    uses = dict.fromkeys(styles, 0)
    places = {style: place for place, style in enumerate(styles)}
    while any(queues):
        for turn, (queue, own) in enumerate(zip(queues, taken, strict=True)):
            start = turn * len(styles) // len(queues)
            rounds = {style: (places[style] - start) % len(styles) for style in queue}
            if not queue:
                continue
            style = min(queue, key=lambda style: (own[style], uses[style], rounds[style]))
            yield queue[style].pop(0)
            own[style] += 1
            uses[style] += 1
            if not queue[style]:
                del queue[style]


def _spread(indices: list[int]) -> list[int]:
    """Bit-reversed order: 0, middle, quarter, three quarters, ... so that every prefix covers the whole."""
    bits = max(len(indices) - 1, 1).bit_length()
    positions = (int(f"{place:0{bits}b}"[::-1], 2) for place in range(2**bits))
    return [indices[position] for position in positions if position < len(indices)]


def choose_direction_set(prompts: Sequence[Prompt], *, fraction: float) -> set[str]:
    """Choose the prompts that a direction is built from, spread evenly over styles and families.

    The others are held out from it, and the headline gap rests on them: every style gives its share to both, because
    an interval for other styles counts the styles that are held out.

    Of n prompts floor(n * fraction) are chosen, at least one; the fraction is in (0, 1].

    Returns:
        Their ids; the same whatever the order.
    """
    cells: dict[str, dict[str, list[Prompt]]] = {}
    ordered = sorted(prompts, key=_style_and_hash)
    places = {prompt.id: place for place, prompt in enumerate(ordered)}
    for prompt in ordered:
        cells.setdefault(prompt.style, {}).setdefault(prompt.family, []).append(prompt)
    sizes = Counter(prompt.family for prompt in prompts)
    uses: Counter[str] = Counter()
    chosen: set[str] = set()
    n_seen = 0
    for of_style in cells.values():
        n_seen += sum(map(len, of_style.values()))
        queues = {family: deque(of_family) for family, of_family in of_style.items()}
        while len(chosen) < math.floor(n_seen * fraction + 1e-9):
            left = [family for family, queue in queues.items() if queue]
            family = min(left, key=lambda one: (uses[one] / sizes[one], places[queues[one][0].id]))
            uses[family] += 1
            chosen.add(queues[family].popleft().id)
    return chosen or {prompt.id for prompt in ordered[:1]}


def _style_and_hash(prompt: Prompt) -> tuple[str, str]:
    return prompt.style, hashlib.sha256(prompt.id.encode()).hexdigest()
