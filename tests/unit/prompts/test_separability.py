import random

from steering_reliability.prompts.separability import held_out_auc


def auc(texts, is_b, topics=None, seed=0):
    return held_out_auc(texts, is_b=is_b, topics=topics or [str(n) for n in range(len(texts))], folds=5, seed=seed)


def test_sets_with_a_word_of_their_own_are_told_apart():
    texts = [f"please w{n}" for n in range(20)] + [f"yo w{n}" for n in range(20)]
    assert auc(texts, [False] * 20 + [True] * 20) == 1.0


def test_sets_drawn_alike_cannot_be():
    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(400)]
    assert abs(auc(texts, [n % 2 == 0 for n in range(400)]) - 0.5) < 0.1


def test_words_of_a_topic_do_not_help_when_the_topic_is_held_out():
    texts = [f"topic{n // 4}" for n in range(40)]
    is_b = [n >= 20 for n in range(40)]
    assert auc(texts, is_b) > 0.9
    assert auc(texts, is_b, topics=[f"{n // 4}" for n in range(40)]) < 0.6


def test_it_is_the_same_for_the_same_seed():
    texts = [f"w{n % 7} v{n % 3}" for n in range(30)]
    is_b = [n % 2 == 0 for n in range(30)]
    assert auc(texts, is_b, seed=3) == auc(texts, is_b, seed=3)
