"""Completions in this process: greedy by hand, steered, and what they leave of the bridge."""

from dataclasses import replace

import pytest
import torch
from plain_model import load_plain_model
from steering_reliability import GenerationConfig, InputError, StoredDirection, generate
from steering_reliability.model.loading import render_prompt
from steering_reliability.prompts.schema import Prompt
from tiny_model import planted_direction

PROMPTS = ["take the water", "list the first step", "how to do that"]
DIRECTION = StoredDirection(planted_direction(), 1.0, 5.0, {"layer": 1})
SHORT = GenerationConfig(max_new_tokens=8)
DRAWN = GenerationConfig(max_new_tokens=8, temperature=0.9, seed=3, num_samples_per_prompt=2)


def greedy_by_hand(folder, tokenizer, prompt, *, change=None, layers=(1,)):
    """The plain model's most likely tokens; `change` steers the last prompt tokens and everything written."""
    plain = load_plain_model(folder)
    rendered = render_prompt(prompt, tokenizer=tokenizer)
    tokens, written = list(rendered.tokens), []

    def steer(module, given, resid):
        resid = resid.clone()
        resid[:, rendered.user_end :] += change
        return resid

    if change is not None:
        for layer in layers:
            plain.model.layers[layer].register_forward_hook(steer)
    with torch.inference_mode():
        while len(written) < 8:
            token = int(plain(torch.tensor([tokens + written])).logits[0, -1].argmax())
            if token == tokenizer.eos_token_id:
                break
            written.append(token)
    return tokenizer.decode(written, skip_special_tokens=True), len(written)


@pytest.mark.parametrize("alpha", [None, 0.8, -0.8])
def test_greedy_completions_are_those_of_the_plain_model(tiny_folder, tiny_model, alpha):
    asked = {} if alpha is None else {"direction": DIRECTION, "alpha": alpha}
    found = generate(PROMPTS, model=tiny_model, sampling=SHORT, **asked)
    change = None if alpha is None else alpha * 5.0 * planted_direction()
    expected = [greedy_by_hand(tiny_folder, tiny_model.tokenizer, prompt, change=change) for prompt in PROMPTS]
    assert [(text.completion, text.n_tokens) for text in found] == expected
    assert [text.prompt for text in found] == PROMPTS
    assert all((text.first_token_kl > 0) == (alpha is not None) for text in found)


@pytest.mark.parametrize(("layer", "layers"), [("all", (0, 1, 2)), ("0-1", (0, 1)), ([0, -1], (0, 2))])
def test_several_blocks_are_steered_by_one_direction_or_each_by_its_own(tiny_folder, tiny_model, layer, layers):
    asked = {"model": tiny_model, "alpha": 0.3, "sampling": SHORT, "layer": layer}
    found = generate(PROMPTS, direction=DIRECTION, **asked)
    change = 0.3 * 5.0 * planted_direction()
    for text in found:
        by_hand = greedy_by_hand(tiny_folder, tiny_model.tokenizer, text.prompt, change=change, layers=layers)
        assert (text.completion, text.n_tokens) == by_hand
    assert generate(PROMPTS, direction=[DIRECTION] * len(layers), **asked) == found
    own = [replace(DIRECTION, statistics={"layer": one}) for one in layers]
    assert generate(PROMPTS, direction=own, **(asked | {"layer": None})) == found
    assert generate(PROMPTS, direction=DIRECTION, **(asked | {"layer": 1})) != found


def test_a_prompt_is_answered_alike_whatever_stands_beside_it(tiny_model):
    together = generate(PROMPTS, model=tiny_model, direction=DIRECTION, alpha=0.3, sampling=DRAWN)
    alone = generate(PROMPTS[1:2], model=tiny_model, direction=DIRECTION, alpha=0.3, sampling=DRAWN)
    assert [text.sample for text in together] == [0, 1] * 3
    assert together[2:4] == alone
    assert alone[0].completion != alone[1].completion


def test_an_id_picks_the_random_numbers(tiny_model):
    same, other = (Prompt(id=name, prompt=PROMPTS[0], family="f", style="s") for name in (PROMPTS[0], "other"))
    plain, named, others = (generate([one], model=tiny_model, sampling=DRAWN) for one in (PROMPTS[0], same, other))
    assert plain == named
    assert [text.completion for text in others] != [text.completion for text in plain]
    assert others[0].id == "other"


def test_a_template_stands_around_the_prompt(tiny_model):
    bare = [f"Q: {prompt}\nA:" for prompt in PROMPTS]
    written = generate(bare, model=tiny_model, sampling=SHORT, chat_template="none")
    found = generate(PROMPTS, model=tiny_model, sampling=SHORT, chat_template="none", prompt_template="Q: {prompt}\nA:")
    assert [text.completion for text in found] == [text.completion for text in written]
    without = generate(PROMPTS, model=tiny_model, sampling=SHORT, chat_template="none")
    assert [text.completion for text in found] != [text.completion for text in without]
    assert [text.prompt for text in found] == PROMPTS


@pytest.mark.parametrize(
    ("prompts", "changes", "message"),
    [
        (PROMPTS, {"direction": DIRECTION, "layer": 9}, "no layer 9"),
        (PROMPTS, {"direction": DIRECTION, "layer": "1-9"}, "no layer 3"),
        (PROMPTS, {"direction": DIRECTION, "positions": "everywhere"}, "argument positions"),
        (PROMPTS, {"hook_point": "resid_mid"}, "argument hook_point"),
        (PROMPTS, {"alpha": 1.0}, "argument direction"),
        ("take the water", {}, "a list of prompts is needed"),
        (PROMPTS, {"prompt_template": "Q: {prompt}"}, "the model has a chat template"),
        (PROMPTS, {"prompt_template": "Q:", "chat_template": "none"}, "exactly once(.|\n)*argument prompt_template"),
        (["water " * 600], {}, "don't fit the model's context"),
    ],
)
def test_what_can_not_be_used_is_one_message(tiny_model, prompts, changes, message):
    with pytest.raises(InputError, match=message):
        generate(prompts, model=tiny_model, sampling=SHORT, **changes)
