"""Names of steered layers in words."""

from collections.abc import Mapping
from typing import Any

from steering_reliability.text.layer_names import ALL, layer_set
from steering_reliability.text.numbers import listed


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
