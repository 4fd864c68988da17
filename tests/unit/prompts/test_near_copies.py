"""Near copies: two of three words and word pairs are shared."""

import itertools

import numpy as np
import pytest
from steering_reliability.prompts.near_copies import _features, near_copies


def test_case_marks_and_spacing_do_not_count():
    assert list(near_copies(["How do I pick a lock?", "how do  i pick a lock", "Bake bread!"])) == [(0, 1)]


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        # 6 words and 5 pairs of 11; one more word at the end: 11 of 13 shared.
        ("How do I pick a lock now?", True),
        # One word changed in the middle: 5 words and 3 pairs shared of 14.
        ("How can I pick a lock?", False),
    ],
)
def test_the_index_by_hand(text, is_copy):
    assert list(near_copies(["How do I pick a lock?", text])) == ([(0, 1)] if is_copy else [])


@pytest.mark.parametrize("alike", [0.3, 0.5, 2 / 3, 0.9])
def test_the_filter_misses_no_pair(alike):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(12)]
    texts = [" ".join(rng.choice(words, size=rng.integers(3, 9))) for _ in range(80)]
    every = {
        (i, j)
        for i, j in itertools.combinations(range(len(texts)), 2)
        if len(_features(texts[i]) & _features(texts[j]))
        >= alike * len(_features(texts[i]) | _features(texts[j])) - 1e-9
    }
    assert set(near_copies(texts, alike=alike)) == every
    assert every or alike == 0.9


def test_texts_of_no_words_are_no_error():
    assert list(near_copies(["", "?!", "one"])) in ([], [(0, 1)])
