"""Which prompts the scan takes from the study, by hand."""

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.parting import part_prompts
from steering_reliability.prompts.scan_share import reserved_prompts
from steering_reliability.prompts.schema import Prompt


def made(templates, each, *, styles=2):
    """Prompts of some templates; no two texts share a word."""
    return [
        Prompt(f"p{t:02}_{k:02}", f"a{t}x{k} b{t}x{k} c{t}x{k}", "f", f"s{t % styles}", {"template": f"t{t}"})
        for t in range(templates)
        for k in range(each)
    ]


def draw_scan_prompts(prompts, **how):
    """Ids of the prompts that the scan reads."""
    return {prompt.id for prompt in part_prompts(prompts, cluster_field="template", **how).scan}


def templates_of(prompts, ids):
    return {prompt.extra["template"] for prompt in prompts if prompt.id in ids}


@pytest.mark.parametrize(
    ("share", "n"),
    # 100 prompts in 20 templates of 5; half a template of room or less takes none, so 2 prompts too many are none.
    [(0.2, 20), (0.1, 10), (0.22, 20), (0.23, 25), (0.01, 5), (0.95, 95)],
)
def test_whole_templates_are_reserved(share, n):
    prompts = made(20, 5)
    found = reserved_prompts(prompts, share=share, seed=0)
    assert len(found) == n
    left = {prompt.id for prompt in prompts} - found
    assert not templates_of(prompts, found) & templates_of(prompts, left)


def test_styles_take_turns():
    prompts = made(20, 5, styles=4)
    found = reserved_prompts(prompts, share=0.2, seed=0)
    assert {prompt.style for prompt in prompts if prompt.id in found} == {"s0", "s1", "s2", "s3"}


def test_few_templates_are_not_drawn_whole_but_near_copies_are():
    prompts = made(4, 10)
    # All four texts of the pair share two of three words and pairs with each other.
    text = "how do i pick a very old lock on a door"
    prompts += [
        Prompt(f"q{at}", f"{text}{mark}", "f", "s0", {"template": "t0"}) for at, mark in enumerate(("", "!", "?"))
    ]
    for seed in range(8):
        found = reserved_prompts(prompts, share=0.25, seed=seed)
        # floor(43 / 4), and up to half of the three copies more.
        assert 9 <= len(found) <= 11
        assert len(found & {"q0", "q1", "q2"}) in (0, 3)
        assert len(templates_of(prompts, found)) > 1


def test_the_draw_depends_on_the_seed_and_not_on_the_order():
    prompts = made(20, 5)
    draws = [reserved_prompts(prompts, share=0.2, seed=seed) for seed in range(5)]
    assert len(set(map(frozenset, draws))) == 5
    assert reserved_prompts(prompts[::-1], share=0.2, seed=0) == draws[0]
    assert draw_scan_prompts(prompts[::-1], share=0.2, limit=3, seed=0) == draw_scan_prompts(
        prompts, share=0.2, limit=3, seed=0
    )


@pytest.mark.parametrize(("limit", "n"), [(7, 7), (20, 20), (50, 20), (None, 20)])
def test_the_scan_reads_some_of_the_reserved_prompts(limit, n):
    prompts = made(20, 5)
    reserved = reserved_prompts(prompts, share=0.2, seed=1)
    drawn = draw_scan_prompts(prompts, share=0.2, limit=limit, seed=1)
    assert len(drawn) == n
    assert drawn <= reserved


@pytest.mark.parametrize(
    "prompts", [made(1, 1), [Prompt("a", "one text", "f", "s"), Prompt("b", "One text!", "f", "s")]]
)
def test_a_draw_that_leaves_no_prompt_for_the_study_is_refused(prompts):
    with pytest.raises(InputError, match=f"all {len(prompts)} prompts") as caught:
        draw_scan_prompts(prompts, share=0.2, limit=20, seed=0)
    assert caught.value.where == "config key scan.share"


def test_two_prompts_are_shared_out():
    assert len(reserved_prompts(made(2, 1), share=0.2, seed=0)) == 1
