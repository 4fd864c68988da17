"""Names of steered layers in words, and their order."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from steering_reliability.text.numbers import listed

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


def layer_words(name: str) -> str:
    """Return the name as it stands in a sentence: `layer 14`, `layers 10-18`, `layers 10, 14 and 18`, `all layers`."""
    own = name.partition("-from-")[0]
    one = layer_set(name)
    if one.is_all:
        words = "all layers"
    elif len(one.blocks) == 1:
        words = f"layer {own}"
    else:
        words = f"layers {listed(own.split('+'))}"
    return words if one.source is None else f"{words} (direction of layer {one.source})"


def point_words(point: Mapping[str, Any]) -> str:
    """Return intervention, layers and strength of an operating point in words: `add, layer 14, alpha 0.4`."""
    return f"{point['intervention']}, {layer_words(point['layer'])}, alpha {point['alpha']:g}"


def layer_tag(name: str) -> str:
    """Return the name as short as a label in a figure: `L14`, `L10-18`, `all layers`."""
    own, _, source = name.partition("-from-")
    tag = "all layers" if own == ALL else f"L{own}"
    return f"{tag} from {source}" if source else tag


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
