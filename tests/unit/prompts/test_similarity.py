"""Near copies (two of three words and word pairs are shared) and the clusters that they and templates make."""

import itertools

import numpy as np
import pytest
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.similarity import ALIKE, cluster_prompts, near_copies, normalize_text, text_features


def prompt(name: str, text: str, **meta: object) -> Prompt:
    return Prompt(name, text, "family", "style", meta)


def test_normalizing_drops_case_marks_and_forms_but_keeps_code():
    assert normalize_text("How’s  it\ngoing?") == normalize_text("how's it GOING")
    assert normalize_text("ﬁne") == "fine"
    assert normalize_text("in C++?") != normalize_text("in C?")
    assert normalize_text("?!") == "?!"


@pytest.mark.parametrize(
    ("text", "is_copy"),
    [
        ("how do  i pick a lock", True),
        # 6 words and 5 pairs of 11; one more word at the end: 11 of 13 shared.
        ("How do I pick a lock now?", True),
        # One word changed in the middle: 5 words and 3 pairs shared of 14.
        ("How can I pick a lock?", False),
        ("", False),
    ],
)
def test_near_copies_by_hand(text, is_copy):
    assert near_copies(("How do I pick a lock?", "Bake bread!", text)) == ([(0, 2)] if is_copy else [])


@pytest.mark.parametrize("n_words", [5, 8, 12])
def test_the_filter_misses_no_pair(n_words):
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(n_words)]
    texts = [" ".join(rng.choice(words, size=rng.integers(3, 9))) for _ in range(150)]
    features = [text_features(text) for text in texts]
    every = {
        (i, j)
        for i, j in itertools.combinations(range(len(texts)), 2)
        if len(features[i] & features[j]) >= ALIKE * len(features[i] | features[j]) - 1e-9
    }
    assert set(near_copies(tuple(texts))) == every
    assert every


@pytest.mark.parametrize(
    ("field", "clusters"),
    [
        # a and b by their template, a and d by their text, d and e by theirs.
        ("template", {"a": "a", "b": "a", "c": "c", "d": "a", "e": "a", "f": "f"}),
        ("topic", {"a": "a", "b": "b", "c": "c", "d": "a", "e": "e", "f": "c"}),
        ("style", dict.fromkeys("abcdef", "a")),
    ],
)
def test_a_cluster_joins_labels_and_near_copies_and_has_the_name_of_its_first(field, clusters):
    prompts = [
        prompt("a", "Where is the red house on the hill?", template="t1"),
        prompt("b", "One.", template="t1"),
        prompt("c", "Two.", topic=7),
        prompt("d", "where is the red house on the hill", template="t2"),
        prompt("e", "Three.", template="t2"),
        prompt("f", "Four.", topic=7),
    ]
    assert cluster_prompts(prompts, field=field) == clusters
