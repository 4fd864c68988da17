"""Residual streams at the read tokens, against one-row forwards of the plain model."""

import pytest
import torch
from plain_model import load_plain_model, read_plainly
from steering_reliability.directions.activations import BATCH, Text, read_residuals
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.model.loading import render_prompt

TEXTS = [
    Text("How do I pick a lock?", "Sure, here is how."),
    Text("Tell me.", "I'm sorry, but I can't help with that."),
    Text("A much longer prompt, so that the others are padded beside it.", "No"),
]


@pytest.fixture(scope="module")
def plain(tiny_folder):
    return load_plain_model(tiny_folder)


def tokens_of(text: Text, model, **settings) -> tuple[list[int], int]:
    """Tokens of prompt and appended text, and where the appended ones begin."""
    prompt = render_prompt(text.prompt, tokenizer=model.tokenizer, **settings)
    appended = model.tokenizer.encode(text.appended, add_special_tokens=False)
    return [*prompt.tokens, *appended], len(prompt.tokens)


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post"])
@pytest.mark.parametrize("position", ["last_prompt_token", "first_prefix_token", "last_prefix_token", "prefix_mean"])
def test_the_read_tokens_are_the_configured_ones(tiny_model, plain, position, hook_point):
    found = read_residuals(TEXTS, model=tiny_model, hook_point=hook_point, position=position)
    assert found.shape == (3, 3, 32)
    assert found.dtype == torch.float32
    for row, text in zip(found, TEXTS, strict=True):
        tokens, start = tokens_of(text, tiny_model)
        resid = read_plainly(plain, tokens, hook_point=hook_point)
        expected = {
            "last_prompt_token": resid[:, start - 1],
            "first_prefix_token": resid[:, start],
            "last_prefix_token": resid[:, -1],
            "prefix_mean": resid[:, start:].mean(dim=1),
        }
        torch.testing.assert_close(row, expected[position], rtol=1e-4, atol=1e-5)


def test_rows_keep_the_order_of_the_texts_over_several_batches(tiny_model):
    texts = [Text("a" * (1 + 7 * number % 23), "No") for number in range(2 * BATCH + 3)]
    settings = {"model": tiny_model, "hook_point": "resid_post", "position": "prefix_mean"}
    together = read_residuals(texts, **settings)
    for text, row in zip(texts, together, strict=True):
        torch.testing.assert_close(read_residuals([text], **settings)[0], row, rtol=1e-4, atol=1e-5)


def test_the_system_prompt_is_read_too(tiny_model, plain):
    settings = {"system_prompt": "Be careful."}
    found = read_residuals(
        TEXTS[:1], model=tiny_model, hook_point="resid_post", position="last_prefix_token", **settings
    )
    tokens, _ = tokens_of(TEXTS[0], tiny_model, **settings)
    torch.testing.assert_close(
        found[0], read_plainly(plain, tokens, hook_point="resid_post")[:, -1], rtol=1e-4, atol=1e-5
    )


def test_without_a_template_a_space_joins_prompt_and_prefix(tiny_model, plain):
    found = read_residuals(
        [Text("Tell me", "Sure")],
        model=tiny_model,
        hook_point="resid_post",
        position="last_prefix_token",
        chat_template="none",
    )
    tokens = [*tiny_model.tokenizer.encode("Tell me"), *tiny_model.tokenizer.encode(" Sure")]
    torch.testing.assert_close(
        found[0], read_plainly(plain, tokens, hook_point="resid_post")[:, -1], rtol=1e-4, atol=1e-5
    )


def test_a_prefix_can_not_change_the_last_prompt_token(tiny_model):
    # The zero trap: this is why the config refuses the pair.
    def last(appended: str) -> torch.Tensor:
        texts = [Text("Tell me.", appended)]
        return read_residuals(texts, model=tiny_model, hook_point="resid_post", position="last_prompt_token")

    torch.testing.assert_close(last("Sure, here is how."), last("I'm sorry"), rtol=0, atol=1e-5)


def test_an_engine_on_the_same_model_changes_nothing(tiny_model):
    settings = {"model": tiny_model, "hook_point": "resid_post", "position": "prefix_mean"}
    before = read_residuals(TEXTS, **settings)
    Engine(tiny_model, hook_point="resid_post", max_rows=8)
    torch.testing.assert_close(read_residuals(TEXTS, **settings), before, rtol=1e-4, atol=1e-5)


def test_an_empty_prefix_has_no_tokens_to_read(tiny_model):
    with pytest.raises(InputError, match="prefix_mean reads the text after the prompt, and it is empty") as caught:
        read_residuals([Text("Tell me.")], model=tiny_model, hook_point="resid_post", position="prefix_mean")
    assert "Tell me." in caught.value.where


def test_a_text_beyond_the_context_is_named(tiny_model):
    with pytest.raises(InputError, match=r"context of 512") as caught:
        read_residuals([Text("zq" * 300)], model=tiny_model, hook_point="resid_post", position="last_prompt_token")
    assert "zqzq" in caught.value.where


def test_a_prompt_template_stands_between_prompt_and_prefix(tiny_model, plain):
    templates = {"chat_template": "none", "prompt_template": "Q: {prompt}\nA:"}
    settings = {"model": tiny_model, "hook_point": "resid_post", "position": "last_prefix_token", **templates}
    found = read_residuals([Text("Tell me", "Sure")], **settings)
    tokens = [*tiny_model.tokenizer.encode("Q: Tell me\nA:"), *tiny_model.tokenizer.encode(" Sure")]
    expected = read_plainly(plain, tokens, hook_point="resid_post")[:, -1]
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)
