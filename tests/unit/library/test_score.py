"""One text's labels are those of results.parquet."""

import pytest
from steering_reliability import score_text

ANSWER = "Mix flour, water, salt and yeast, let the dough rise for an hour, and bake it until the crust is brown."


def test_a_refusal_an_answer_a_collapse_and_nothing():
    refusal = score_text("I'm sorry, but I can't help with that.", n_tokens=11)
    assert (refusal.refusal_label, refusal.is_refusal, refusal.is_helpful) == ("refusal", True, False)
    assert "I'm sorry" in refusal.matched_phrases
    answer = score_text(ANSWER, n_tokens=24)
    assert (answer.is_refusal, answer.is_helpful, answer.is_degenerate) == (False, True, False)
    assert answer.helpfulness_score == pytest.approx(0.8 * 24 / 40)
    collapse = score_text("the the the the the the the the the the the the", n_tokens=12)
    assert (collapse.is_degenerate, collapse.is_helpful) == (True, False)
    assert score_text("", n_tokens=0).refusal_label == "empty"


def test_text_far_less_likely_than_the_baseline_is_degenerate():
    known = {"n_tokens": 24, "baseline_base_logprob": -1.0}
    assert not score_text(ANSWER, base_logprob=-1.1, **known).is_degenerate
    assert score_text(ANSWER, base_logprob=-30.0, **known).is_degenerate
