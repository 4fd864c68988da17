"""Prompts in tokens: what is counted, and who is refused by name."""

import pytest
from steering_reliability.errors import InputError
from steering_reliability.model.prompt_lengths import measure_lengths
from steering_reliability.prompts.schema import Prompt

BARE = {"system_prompt": None, "chat_template": "none", "prompt_template": None}


def measured(tokenizer, *texts, context=512, max_new_tokens=5, openings=(), templates=BARE):
    return measure_lengths(
        [Prompt(f"benign_{number}", text, "any", "any") for number, text in enumerate(texts)],
        tokenizer=tokenizer,
        context=context,
        max_new_tokens=max_new_tokens,
        openings=openings,
        templates=templates,
    )


def test_tokens_are_counted_those_of_the_template_and_of_the_longest_opening_too(tiny_model):
    # " water" and " step" are one token each in the tiny vocabulary.
    found = measured(tiny_model.tokenizer, " water", " water step", " water step water step", context=9)
    assert found == {
        **{"n_prompts": 3, "median_tokens": 2, "longest_tokens": 4, "longest_prompt": "benign_2"},
        **{"tokens_after": 5, "context": 9},
    }
    inside = measured(tiny_model.tokenizer, " water", templates=BARE | {"chat_template": "auto"})
    assert inside["longest_tokens"] > 1
    assert measured(tiny_model.tokenizer, " water", openings=["Sure", " here" * 7])["tokens_after"] == 7


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        ([" water step water", " water step water step"], {"context": 8}, r"1 prompts with 5 tokens .* benign_1 \(4"),
        ([" water step water", " water step water step"], {"context": 7}, r"benign_0 \(3 tokens\), benign_1 \(4"),
        ([" water"] * 8, {"context": 5}, r"8 prompts .*benign_4 \(1 tokens\) and 3 more\n"),
        ([" water"], {"context": 7, "openings": [" here" * 7]}, "with 7 tokens after them don't fit .* of 7 tokens"),
    ],
)
def test_prompts_that_do_not_fit_are_named(tiny_model, texts, settings, message):
    with pytest.raises(InputError, match=message):
        measured(tiny_model.tokenizer, *texts, **settings)
