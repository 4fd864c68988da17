import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from steering_reliability.metrics.confounds import is_degenerate, is_repetitive, measure_confounds

NAN = math.nan


def test_distinct_ngrams_by_hand():
    # a b a b c: words a b c of 5; pairs ab ba ab bc, 3 of 4; triples aba bab abc, 3 of 3.
    measured = measure_confounds("a b A b c")
    assert measured.n_words == 5
    assert measured.distinct_1 == pytest.approx(3 / 5)
    assert measured.distinct_2 == pytest.approx(3 / 4)
    assert measured.distinct_3 == 1.0


def test_missing_is_nan():
    empty, one, two = map(measure_confounds, (" \n", "word", "two words"))
    assert empty.n_words == 0
    assert all(math.isnan(share) for name, share in vars(empty).items() if name != "n_words")
    assert (one.distinct_1, two.distinct_2) == (1.0, 1.0)
    assert math.isnan(one.distinct_2)
    assert math.isnan(two.distinct_3)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("a a b c", 0.0),  # twice is no loop
        ("x no no no y", 3 / 5),
        ("a b a b a b a", 1.0),  # the fourth time is cut
        ("x x x a b c a b c a b c a", 10 / 13),  # the longest of two
    ],
)
def test_longest_repeat_by_hand(text, share):
    assert measure_confounds(text).longest_repeat == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("!!!!!!", 1.0),
        ("ingingingi", 1.0),
        ("aaa", 0.0),  # too short
        ("banana", 0.0),
        ("1000000", 0.0),  # a number
        ("0" * 40, 1.0),
        ("bye aaaaaa", 6 / 10),
        ("a" + " " * 50 + "b", 0.0),  # white space counts as one space
    ],
)
def test_longest_character_repeat_by_hand(text, share):
    assert measure_confounds(text).longest_character_repeat == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    [
        "the the the the the the the the",
        "I'm sorry, " * 12,
        "I can't do it. I can't do it. I can't do it. I can't do",
        "To make tea you boil the water the water the water the water the water the water the water",
        "!" * 40,
        "ing" * 20,
        "\n\n.\n\n.\n\n.\n\n.\n\n.\n\n.",
        "haha" * 12,
        "very bad very sad very bad very mad very bad very sad very bad very bad very sad very bad",
    ],
)
def test_collapsed_text_is_repetitive(text):
    assert is_repetitive(measure_confounds(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No.",
        "Paris",
        "1000000",
        "1. Boil the water.\n2. Add the tea.\n3. Wait three minutes.\n4. Take out the tea.\n5. Add milk.\n6. Add",
        "- red\n- green\n- blue\n- white\n- black\n- brown\n- grey\n- pink\n- orange\n- purple",
        "def add(a, b):\n    return a + b\n\ndef sub(a, b):\n    return a - b\n\ndef mul(a, b):\n    return a * b",
        "for i in range(10):\n    for j in range(10):\n        if i != j:\n            print(i, j)\n        else:\n"
        "            print(i)",
        "<ul>\n  <li>One</li>\n  <li>Two</li>\n  <li>Three</li>\n</ul>",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |",
        "2 x 1 = 2, 2 x 2 = 4, 2 x 3 = 6, 2 x 4 = 8, 2 x 5 = 10, 2 x 6 = 12, 2 x 7 = 14",
        "I'm sorry, but I can't assist with that. I'm sorry, but I can't assist with that.",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "The cat sat on the mat and the dog sat on the rug, and the bird sat on the roof while the fox ran off.",
        "Title: Tea\n==========\n\nTea is a drink that is made from leaves and hot water and is loved in many places.",
    ],
)
def test_proper_text_is_not_repetitive(text):
    assert not is_repetitive(measure_confounds(text))


def test_far_less_likely_than_the_baseline_is_degenerate():
    fluent = measure_confounds("Colourless green ideas sleep furiously beside seven quiet lamps.")
    assert not is_degenerate(fluent, base_logprob=-3.5, baseline_base_logprob=-1.0)  # exactly 2.5 nats below
    assert is_degenerate(fluent, base_logprob=-3.6, baseline_base_logprob=-1.0)
    assert is_degenerate(fluent, base_logprob=-math.inf, baseline_base_logprob=-1.0)
    assert not is_degenerate(fluent, base_logprob=-0.2, baseline_base_logprob=-1.0)


@pytest.mark.parametrize(("own", "baseline"), [(NAN, -1.0), (-9.0, NAN), (NAN, NAN)])
def test_a_missing_log_probability_is_no_evidence(own, baseline):
    assert not is_degenerate(measure_confounds("A fine answer."), base_logprob=own, baseline_base_logprob=baseline)
    assert is_degenerate(measure_confounds("a a a a"), base_logprob=own, baseline_base_logprob=baseline)


def _slow_longest_repeat(words):
    best = 0
    for start in range(len(words)):
        for stop in range(start + 3, len(words) + 1):
            stretch = words[start:stop]
            for period in range(1, len(stretch) // 3 + 1):
                if all(stretch[i] == stretch[i + period] for i in range(len(stretch) - period)):
                    best = max(best, len(stretch))
    return best / len(words)


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=14))
def test_longest_repeat_equals_its_definition(words):
    assert measure_confounds(" ".join(words)).longest_repeat == pytest.approx(_slow_longest_repeat(words))
