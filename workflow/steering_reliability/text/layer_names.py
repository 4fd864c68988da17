"""Names of steered layers: their pattern, what they mean, and their order."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

ALL: Final = "all"

NAME: Final = r"(?:all|\d+(?:-\d+|(?:\+\d+)*))(?:-from-\d+)?"
"""Pattern of a layer's name in files and tables."""


class LayerSet(NamedTuple):
    """The blocks that a name means; none are listed of `all`, whose number the model decides.

    `source` is the block whose direction every one of them uses, None where each uses its own.
    """

    blocks: tuple[int, ...]
    is_all: bool
    source: int | None


@lru_cache(maxsize=4096)
def layer_set(name: str) -> LayerSet:
    """Read a name: `14`, `10-18`, `10+14+18` or `all`, each also as `10-18-from-14`.

    Raises:
        ValueError: It is no name of layers.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError(f"{name!r} names no layers")
    own, _, source = name.partition("-from-")
    first, _, last = own.partition("-")
    if last:
        blocks = tuple(range(int(first), int(last) + 1))
    else:
        blocks = () if own == ALL else tuple(int(block) for block in own.split("+"))
    return LayerSet(blocks, own == ALL, int(source) if source else None)


def layer_order(name: str) -> tuple[int, tuple[int, ...], int, str]:
    """Return what sorts names: one block by its number, then sets by their blocks, then all.

    Of the same blocks, those that use their own directions come first.
    """
    one = layer_set(name)
    rank = 2 if one.is_all else int(len(one.blocks) > 1)
    # The name itself tells two names of the same blocks apart.
    return rank, one.blocks, -1 if one.source is None else one.source, name


def middle_block(name: str) -> int | None:
    """Return the block in the middle of a set, the earlier of two; None of all layers, which lie at no one depth."""
    blocks = layer_set(name).blocks
    return sorted(blocks)[(len(blocks) - 1) // 2] if blocks else None
