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


def test_tokens_are_counted(tiny_model):
    # " water" and " step" are one token each in the tiny vocabulary.
    found = measured(tiny_model.tokenizer, " water", " water step", " water step water step")
    assert found == {
        "n_prompts": 3,
        "median_tokens": 2,
        "longest_tokens": 4,
        "longest_prompt": "benign_2",
        "tokens_after": 5,
        "context": 512,
    }


def test_a_template_counts(tiny_model):
    bare, inside = (
        measured(tiny_model.tokenizer, " water", templates=BARE | {"chat_template": kind})["longest_tokens"]
        for kind in ("none", "auto")
    )
    assert inside > bare == 1


def test_a_prompt_fits_to_the_token(tiny_model):
    assert measured(tiny_model.tokenizer, " water step water step", context=9)["context"] == 9


@pytest.mark.parametrize(("context", "named"), [(8, ["benign_1"]), (7, ["benign_0", "benign_1"])])
def test_a_prompt_that_does_not_fit_is_named(tiny_model, context, named):
    with pytest.raises(InputError, match="with 5 tokens after them don't fit") as caught:
        measured(tiny_model.tokenizer, " water step water", " water step water step", context=context)
    assert [name for name in ("benign_0", "benign_1") if name in caught.value.what] == named


def test_a_long_opening_needs_room_too(tiny_model):
    found = measured(tiny_model.tokenizer, " water", openings=["Sure", " here" * 7])
    assert found["tokens_after"] == 7
    with pytest.raises(InputError, match="with 7 tokens after them don't fit the model's context of 7 tokens"):
        measured(tiny_model.tokenizer, " water", openings=[" here" * 7], context=7)


def test_five_are_named_and_the_others_counted(tiny_model):
    with pytest.raises(InputError, match=r"8 prompts .*benign_4 \(1 tokens\) and 3 more\n"):
        measured(tiny_model.tokenizer, *[" water"] * 8, context=5)
