import math
import random

import pytest
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.shift import auc_interval, held_out_auc, measure_shift, shift_sentence

VERBS = ("pick", "open", "paint", "move", "sell", "cut", "fold", "wash", "lift", "burn")


def prompt(id, text="x", family="f", style="s", **extra):
    return Prompt(id, text, family, style, extra)


def value(table, measure):
    (row,) = table[table.measure == measure].to_dict("records")
    return row


def test_overlaps_by_hand():
    a = [prompt("a1", "pick a lock", "theft", "direct"), prompt("a2", "Pick a card!", "games", "direct")]
    b = [prompt("b1", "pick the lock, pick a", "Theft", "slang")]
    table = measure_shift({"harm_train": a, "harm_test": b}, seed=0)
    assert list(table.columns) == ["split_a", "split_b", "measure", "value", "low", "high", "n"]
    expected = {
        "shared_families": 1,
        "shared_styles": 0,
        # {pick a lock card} and {pick the lock a}: 3 shared of 5; of b's five words only "the" is new.
        "word_1gram_jaccard": 3 / 5,
        "word_1gram_seen": 4 / 5,
        # {pick-a a-lock a-card} and {pick-the the-lock lock-pick pick-a}: 1 shared of 6; 1 of 4 seen.
        "word_2gram_jaccard": 1 / 6,
        "word_2gram_seen": 1 / 4,
        "word_3gram_jaccard": 0,
    }
    assert {measure: value(table, measure)["value"] for measure in expected} == pytest.approx(expected)
    assert value(table, "shared_styles")["n"] == 3


def test_what_cannot_be_measured_is_nan_with_n_0():
    table = measure_shift({"harm_train": [prompt("a", "one")], "harm_test": [prompt("b", "two")]}, seed=0)
    for measure in ("shared_templates", "word_3gram_jaccard", "word_3gram_seen", "bow_auc"):
        row = value(table, measure)
        assert math.isnan(row["value"])
        assert row["n"] == 0
    assert value(table, "word_1gram_jaccard")["n"] == 2


def test_the_auc_has_an_interval_and_counts_the_prompts_of_shared_families():
    a = [prompt(f"a{n}", f"please w{n}", "X" if n < 10 else "y") for n in range(20)]
    b = [prompt(f"b{n}", f"yo w{n}", "x" if n < 10 else "z") for n in range(20)]
    table = measure_shift({"harm_train": a, "harm_test": b}, seed=0)
    whole, shared = value(table, "bow_auc"), value(table, "bow_auc_shared_families")
    assert (whole["value"], whole["n"]) == (1.0, 40)
    assert (shared["value"], shared["n"]) == (1.0, 20)
    assert shared["low"] < whole["low"] < 1.0
    assert whole["high"] == pytest.approx(1.0)


def sentence(train, test, n=10):
    splits = {
        name: [prompt(f"{name}{at}", text.format(VERBS[at])) for at in range(n)]
        for name, text in (("harm_train", train), ("harm_test", test))
    }
    return shift_sentence(measure_shift(splits, seed=0))


def test_the_sentence_calls_prompts_shifted_only_where_the_interval_lies_above_chance():
    assert sentence("how do I {} a lock", "once a thief wanted to {} it") == (
        "harm_test is shifted from harm_train: a bag-of-words classifier distinguishes them "
        "(AUC 1.00, 95% interval 0.80 to 1.00, 0.5 is chance, n = 20)."
    )
    alike = sentence("how do I {} a lock", "how do I {} a lock")
    assert alike.startswith("No shift was found between harm_train and harm_test: ")
    assert "is shifted" not in alike
    assert "was not measured" in sentence("how do I {} a lock", "once a thief wanted to {} it", n=4)


def auc(texts, is_b, topics=None, seed=0):
    return held_out_auc(texts, is_b=is_b, topics=topics or [str(n) for n in range(len(texts))], seed=seed)


def test_sets_with_a_word_of_their_own_are_told_apart_and_sets_drawn_alike_are_not():
    texts = [f"please w{n}" for n in range(20)] + [f"yo w{n}" for n in range(20)]
    assert auc(texts, [False] * 20 + [True] * 20) == 1.0
    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(400)]
    assert abs(auc(texts, [n % 2 == 0 for n in range(400)]) - 0.5) < 0.1


def test_words_of_a_topic_do_not_help_when_the_topic_is_held_out():
    texts = [f"topic{n // 4}" for n in range(40)]
    is_b = [n >= 20 for n in range(40)]
    assert auc(texts, is_b) > 0.9
    assert auc(texts, is_b, topics=[f"{n // 4}" for n in range(40)]) < 0.6


def standard_error(area, n_a, n_b):
    n = (n_a + n_b) / 2 - 1
    return math.sqrt(area * (1 - area) / (n_a * n_b) * (1 + n * (1 - area) / (2 - area) + n * area / (1 + area)))


def test_the_interval_ends_where_the_observed_area_is_just_rejected():
    low, high = auc_interval(0.8, n_a=30, n_b=50)
    assert (0.8 - low) / standard_error(low, 30, 50) == pytest.approx(1.96, abs=1e-3)
    assert (high - 0.8) / standard_error(high, 30, 50) == pytest.approx(1.96, abs=1e-3)


def test_a_perfect_area_keeps_an_interval_and_it_is_mirrored_at_zero():
    low, high = auc_interval(1.0, n_a=20, n_b=20)
    assert 0.8 < low < 0.95
    assert high == pytest.approx(1.0)
    assert auc_interval(0.0, n_a=20, n_b=20) == pytest.approx((0.0, 1 - low))
