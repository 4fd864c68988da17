from collections import Counter
from itertools import pairwise

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import spread_subset


def sorted_file(families, styles, each):
    return [
        Prompt(f"{f}{s}{k}", f"{f} {s} {k}", f"f{f}", f"s{s}")
        for f in range(families)
        for s in range(styles)
        for k in range(each)
    ]


def ids(prompts):
    return [prompt.id for prompt in prompts]


def test_no_limit_or_a_high_one_keeps_all():
    prompts = sorted_file(2, 2, 2)
    assert spread_subset(prompts, limit=None) == prompts
    assert spread_subset(prompts, limit=8) == prompts


def test_one_cell_is_spread_over_the_file_and_kept_in_file_order():
    prompts = sorted_file(1, 1, 8)
    assert ids(spread_subset(prompts, limit=1)) == ["000"]
    assert ids(spread_subset(prompts, limit=2)) == ["000", "004"]
    assert ids(spread_subset(prompts, limit=4)) == ["000", "002", "004", "006"]


def test_three_families_of_three_styles_give_a_latin_square_first():
    chosen = spread_subset(sorted_file(3, 3, 2), limit=3)
    assert [(prompt.family, prompt.style) for prompt in chosen] == [("f0", "s0"), ("f1", "s1"), ("f2", "s2")]


def test_families_and_styles_stay_even():
    chosen = spread_subset(sorted_file(5, 4, 6), limit=20)
    assert set(Counter((prompt.family, prompt.style) for prompt in chosen).values()) == {1}
    assert len(chosen) == 20


def test_subsets_are_nested():
    prompts = sorted_file(3, 2, 5) + sorted_file(1, 1, 9)[5:]
    sets = [set(ids(spread_subset(prompts, limit=limit))) for limit in range(1, len(prompts) + 1)]
    assert [len(chosen) for chosen in sets] == list(range(1, len(prompts) + 1))
    assert all(small < large for small, large in pairwise(sets))


@pytest.mark.parametrize("limit", [0, -3])
def test_an_empty_split_cannot_be_asked_for(limit):
    with pytest.raises(InputError, match="empty split"):
        spread_subset(sorted_file(1, 1, 3), limit=limit)
