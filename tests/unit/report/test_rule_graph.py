"""Rules stand below what they wait for, boxes apart, and lines pass no box but their own two."""

import re

from steering_reliability.report.rule_graph import HEIGHT, ROW, RULES, WIDTH, draw_rule_graph


def test_a_diamond_has_three_rows_and_its_middle_side_by_side():
    picture = draw_rule_graph([("a", []), ("b", ["a"]), ("c", ["a"]), ("d", ["b", "c"])])
    place = {name: (left, top) for left, top, name in picture.boxes}
    assert [place[name][1] for name in "abcd"] == [0, ROW, ROW, 2 * ROW]
    assert place["a"][0] == place["d"][0] == (place["b"][0] + place["c"][0]) / 2
    assert picture.height == 2 * ROW + HEIGHT
    assert len(picture.lines) == 4


def test_a_line_goes_from_the_foot_of_one_box_to_the_head_of_another():
    picture = draw_rule_graph([("a", []), ("b", ["a"])])
    (left, _, _), _ = picture.boxes
    middle = left + WIDTH // 2
    assert picture.lines == (f"M{middle} {HEIGHT}C{middle} 36 {middle} 36 {middle} {ROW}",)


def test_a_line_that_passes_a_row_has_a_place_of_its_own_there():
    picture = draw_rule_graph([("a", []), ("b", ["a"]), ("c", ["b", "a"])])
    box = next(left for left, _, name in picture.boxes if name == "b")
    passing = [int(x) for line in picture.lines for x in re.findall(rf"(\d+) {ROW}V", line)]
    assert len(passing) == 1
    assert not box <= passing[0] <= box + WIDTH


def test_no_box_of_the_workflow_lies_on_another():
    picture = draw_rule_graph()
    assert sorted(name for _, _, name in picture.boxes) == sorted(RULES)
    for left, top, _ in picture.boxes:
        assert 0 <= left <= picture.width - WIDTH
        assert sum(abs(left - other) < WIDTH and top == row for other, row, _ in picture.boxes) == 1
