import numpy as np
import pytest
from steering_reliability.figures.label_places import place_labels


def placed(anchors, *, size=(30, 10), drawn=None, width=200, height=200):
    at = np.array(anchors, dtype=float).reshape(-1, 2)
    sizes = np.tile(np.array(size, dtype=float), (len(at), 1))
    return place_labels(
        at, sizes=sizes, drawn=at if drawn is None else np.array(drawn, float), width=width, height=height
    )


@pytest.mark.parametrize(
    ("anchors", "options", "places"),
    [
        # The first place is up and right.
        ([(50, 50)], {}, [(9, 6)]),
        # A name does not leave the panel. 30 wide: from 180 + 9 it would end at 219; from 180 - 9 it starts at 141.
        ([(180, 50)], {}, [(-9, 6)]),
        # Its middle would lie at 3 - 9, below the floor.
        ([(50, 3)], {}, [(9, 6)]),
        ([(50, 198)], {}, [(9, -9)]),
        # A name covers no point: the one at (70, 56) lies where it would.
        ([(50, 50)], {"drawn": [(50, 50), (70, 56)]}, [(-9, 6)]),
        # And no name: the second at (9, 6) would run from 64 to 94 over the first, from 59 to 89.
        ([(50, 50), (55, 50)], {"drawn": [(0, 0)]}, [(9, 6), (-9, 6)]),
        # What finds no place has none.
        ([(20, 20)], {"size": (300, 10)}, [None]),
        ([], {}, []),
    ],
)
def test_a_name_has_the_first_place_that_is_free(anchors, options, places):
    assert placed(anchors, **options) == places
