"""Where the names of points go, so that none covers a point or another name."""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.transforms import Bbox

_OFFSETS: Final = (
    (9, 6), (-9, 6), (9, -9), (-9, -9), (18, 18), (-18, 18), (18, -21), (30, -6), (-18, -21), (40, -18), (40, 12),
)  # fmt: skip
_RADIUS: Final = 4.5
"""Half the width of the square that a point takes (points)."""


class Place(NamedTuple):
    """Where a name starts, from its point (points, up and right); a negative x means that it ends there."""

    x: float
    y: float


def place_labels(
    anchors: Float[np.ndarray, "n 2"],
    *,
    sizes: Float[np.ndarray, "n 2"],
    drawn: Float[np.ndarray, "m 2"],
    width: float,
    height: float,
) -> list[Place | None]:
    """Place the name of each anchor, in their order, at the first offset that is free.

    Args:
        anchors: The points to name, from the lower left corner (points).
        sizes: Width and height of each name (points).
        drawn: Every point that is drawn.
        width: Of the panel (points).
        height: Of the panel (points).

    Returns:
        A place for each, None where none is free.
    """
    taken = [Bbox.from_bounds(x - _RADIUS, y - _RADIUS, 2 * _RADIUS, 2 * _RADIUS) for x, y in drawn]
    places: list[Place | None] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        places.append(None)
        for offset in _OFFSETS:
            box = _box(anchor, size, offset)
            inside = min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height
            if inside and not any(box.overlaps(other) for other in taken):
                places[-1] = Place(*offset)
                taken.append(box)
                break
    return places


def _box(anchor: np.ndarray, size: np.ndarray, offset: tuple[float, float]) -> Bbox:
    x, y = anchor + offset
    return Bbox.from_bounds(x if offset[0] > 0 else x - size[0], y - size[1] / 2, *size)
