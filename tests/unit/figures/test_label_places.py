import numpy as np
from steering_reliability.figures.label_places import place_labels


def placed(anchors, *, size=(30, 10), drawn=None, width=200, height=200):
    at = np.array(anchors, dtype=float).reshape(-1, 2)
    sizes = np.tile(np.array(size, dtype=float), (len(at), 1))
    return place_labels(
        at, sizes=sizes, drawn=at if drawn is None else np.array(drawn, float), width=width, height=height
    )


def test_the_first_place_is_up_and_right():
    assert placed([(50, 50)]) == [(9, 6)]


def test_a_name_does_not_leave_the_panel():
    # 30 wide: from 180 + 9 it would end at 219; from 180 - 9 it starts at 141.
    assert placed([(180, 50)]) == [(-9, 6)]
    # Its middle would lie at 3 - 9, below the floor.
    assert placed([(50, 3)]) == [(9, 6)]
    assert placed([(50, 198)]) == [(9, -9)]


def test_a_name_covers_no_point_and_no_other_name():
    # The point at (70, 56) lies where the first name would.
    assert placed([(50, 50)], drawn=[(50, 50), (70, 56)]) == [(-9, 6)]
    # The second name at (9, 6) would run from 64 to 94 over the first, from 59 to 89.
    assert placed([(50, 50), (55, 50)], drawn=[(0, 0)]) == [(9, 6), (-9, 6)]


def test_what_finds_no_place_has_none():
    assert placed([(20, 20)], size=(300, 10)) == [None]
    assert placed([]) == []
