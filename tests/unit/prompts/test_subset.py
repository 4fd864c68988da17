"""Fewer prompts of a split, with its families and styles still represented."""

from collections import Counter
from itertools import pairwise

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import choose_direction_set, spread_subset


def sorted_file(families, styles, each):
    return [
        Prompt(f"{f}{s}{k}", f"{f} {s} {k}", f"f{f}", f"s{s}")
        for f in range(families)
        for s in range(styles)
        for k in range(each)
    ]


def ids(prompts):
    return [prompt.id for prompt in prompts]


def cells(prompts):
    return Counter((prompt.family, prompt.style) for prompt in prompts)


@pytest.mark.parametrize(("limit", "chosen"), [(1, ["000"]), (2, ["000", "004"]), (4, ["000", "002", "004", "006"])])
def test_one_cell_is_spread_over_the_file_and_kept_in_file_order(limit, chosen):
    assert ids(spread_subset(sorted_file(1, 1, 8), limit=limit)) == chosen


def test_families_and_styles_take_turns():
    chosen = spread_subset(sorted_file(3, 3, 2), limit=3)
    assert [(prompt.family, prompt.style) for prompt in chosen] == [("f0", "s0"), ("f1", "s1"), ("f2", "s2")]
    assert list(cells(spread_subset(sorted_file(5, 4, 6), limit=20)).values()) == [1] * 20


def test_with_more_styles_than_a_family_has_places_all_styles_are_kept_equally_often():
    chosen = spread_subset(sorted_file(10, 15, 1), limit=40)
    assert Counter(Counter(prompt.family for prompt in chosen).values()) == {4: 10}
    assert Counter(Counter(prompt.style for prompt in chosen).values()) == {3: 10, 2: 5}
    assert max(cells(chosen).values()) == 1


def test_subsets_are_nested():
    prompts = sorted_file(3, 2, 5) + sorted_file(1, 1, 9)[5:]
    sets = [set(ids(spread_subset(prompts, limit=limit))) for limit in range(1, len(prompts) + 1)]
    assert [len(chosen) for chosen in sets] == list(range(1, len(prompts) + 1))
    assert all(small < large for small, large in pairwise(sets))


@pytest.mark.parametrize("limit", [0, -3])
def test_an_empty_split_is_refused(limit):
    with pytest.raises(InputError, match="empty split"):
        spread_subset(sorted_file(1, 1, 3), limit=limit)


@pytest.mark.parametrize(("fraction", "n"), [(1.0, 48), (0.5, 24), (0.25, 12), (0.1, 4), (0.001, 1)])
def test_a_share_of_the_prompts_builds_the_direction_whatever_their_order(fraction, n):
    prompts = sorted_file(3, 4, 4)
    chosen = choose_direction_set(prompts, fraction=fraction)
    assert len(chosen) == n
    assert choose_direction_set(prompts[::-1], fraction=fraction) == chosen


def test_the_direction_set_is_spread_over_families_and_styles():
    prompts = sorted_file(3, 4, 4)
    chosen = choose_direction_set(prompts, fraction=0.5)
    assert list(cells(prompt for prompt in prompts if prompt.id in chosen).values()) == [2] * 12


def test_every_style_gives_its_share_to_both_sides_and_families_stay_even():
    prompts = spread_subset(sorted_file(8, 15, 1), limit=40)
    chosen = choose_direction_set(prompts, fraction=0.5)
    for is_chosen in (True, False):
        side = [prompt for prompt in prompts if (prompt.id in chosen) == is_chosen]
        assert len({prompt.style for prompt in side}) == 15
        assert {2, 3} >= set(Counter(prompt.family for prompt in side).values())


def test_without_families_and_styles_a_subset_spreads_over_the_file():
    prompts = [Prompt(f"p{number}", f"x {number}", "unknown", "unknown") for number in range(8)]
    assert ids(spread_subset(prompts, limit=2)) == ["p0", "p4"]
    assert len(choose_direction_set(prompts, fraction=0.5)) == 4
