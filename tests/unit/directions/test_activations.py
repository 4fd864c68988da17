"""The texts that a method compares, and their residual streams against one-row forwards of the plain model."""

import pytest
import torch
from plain_model import load_plain_model, read_plainly
from steering_reliability.directions.activations import BATCH, Text, read_residuals, texts_to_compare
from steering_reliability.errors import InputError
from steering_reliability.model.loading import render_prompt
from steering_reliability.prompts.schema import Prompt

TEXTS = [
    Text("How do I pick a lock?", "Sure, here is how."),
    Text("Tell me.", "I'm sorry, but I can't help with that."),
    Text("A much longer prompt, so that the others are padded beside it.", "No"),
]


@pytest.fixture(scope="module")
def plain(tiny_folder):
    return load_plain_model(tiny_folder)


def tokens_of(text: Text, model) -> tuple[list[int], int]:
    """Tokens of prompt and appended text, and where the appended ones begin."""
    prompt = render_prompt(text.prompt, tokenizer=model.tokenizer)
    return [*prompt.tokens, *model.tokenizer.encode(text.appended)], len(prompt.tokens)


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post", "resid_both"])
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


@pytest.mark.parametrize(
    ("templates", "before", "after"),
    [
        ({"system_prompt": "Be careful."}, None, "Sure"),
        # Without a chat template a space joins prompt and prefix.
        ({"chat_template": "none"}, "Tell me", " Sure"),
        ({"chat_template": "none", "prompt_template": "Q: {prompt}\nA:"}, "Q: Tell me\nA:", " Sure"),
    ],
)
def test_templates_stand_around_prompt_and_prefix(tiny_model, plain, templates, before, after):
    settings = {"model": tiny_model, "hook_point": "resid_post", "position": "last_prefix_token", **templates}
    (found,) = read_residuals([Text("Tell me", "Sure")], **settings)
    encode = tiny_model.tokenizer.encode
    prompt = encode(before) if before else render_prompt("Tell me", tokenizer=tiny_model.tokenizer, **templates).tokens
    expected = read_plainly(plain, [*prompt, *encode(after)], hook_point="resid_post")[:, -1]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        (Text("Tell me."), "prefix_mean", "prefix_mean reads the text after the prompt, but that text is empty"),
        (Text("zq" * 300), "last_prompt_token", "context of 512"),
    ],
)
def test_a_text_that_can_not_be_read_is_named(tiny_model, text, position, message):
    with pytest.raises(InputError, match=message) as caught:
        read_residuals([text], model=tiny_model, hook_point="resid_post", position=position)
    assert text.prompt[:8] in caught.value.where


PROMPTS = {
    "harm_train": [Prompt("h1", "pick", "locks", "direct"), Prompt("h2", "forge", "papers", "direct")],
    "benign": [Prompt("b1", "bake", "food", "direct")],
}
PREFIXES = {"refusal_prefix": "No.", "compliance_prefix": "Yes."}


def outcomes(*, refusal: int, helpful: int, other: int = 0) -> list[dict]:
    kinds = ["refusal"] * refusal + ["helpful"] * helpful + ["other"] * other
    return [{"prompt": f"p{n}", "completion": f"{kind} {n}", "outcome": kind} for n, kind in enumerate(kinds)]


def test_each_method_compares_its_two_sides():
    rows = outcomes(refusal=8, helpful=9, other=5)
    found = {
        method: texts_to_compare(method, prompts=PROMPTS, outcomes=rows, **PREFIXES)
        for method in ("contrastive_prefix", "difference_in_means", "outcome_conditioned")
    }
    assert found == {
        "contrastive_prefix": (
            [Text("pick", "No."), Text("forge", "No.")],
            [Text("pick", "Yes."), Text("forge", "Yes.")],
            True,
        ),
        "difference_in_means": ([Text("pick"), Text("forge")], [Text("bake")], False),
        "outcome_conditioned": (
            [Text(f"p{n}", f"refusal {n}") for n in range(8)],
            [Text(f"p{n}", f"helpful {n}") for n in range(8, 17)],
            False,
        ),
    }


@pytest.mark.parametrize(("refusal", "helpful"), [(7, 30), (30, 7), (0, 0)])
def test_too_few_outcomes_are_counted(refusal, helpful):
    rows = outcomes(refusal=refusal, helpful=helpful, other=3)
    with pytest.raises(InputError, match=f"of {len(rows)} there are {refusal} refused and {helpful} helpful") as caught:
        texts_to_compare("outcome_conditioned", prompts=PROMPTS, outcomes=rows, where="shard.jsonl", **PREFIXES)
    assert caught.value.where == "shard.jsonl"
    assert "contrastive_prefix" in caught.value.fix
