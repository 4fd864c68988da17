"""What an alpha of `add` comes to: the length that is added along a direction."""

from collections.abc import Mapping
from typing import Any, Final

LENGTHS: Final = {"resid_norm": "resid_norm", "unit": "vector_norm", "own_length": "norm_before_normalizing"}
"""Unit of alpha -> the number of a direction's record that is one such unit long."""


def length_of(record: Mapping[str, Any], *, unit: str) -> float:
    """Length of one unit of alpha, in units of the residual stream.

    Args:
        record: The numbers of a direction, as its `.json` holds them.
        unit: `resid_norm` (mean length of the residual stream), `unit` (length of the stored vector) or `own_length`
            (of the vector before it was scaled to length 1: `direction.normalize: false`).
    """
    return float(record[LENGTHS[unit]])
