"""Rows and requests for the tests of the engine and its workers."""

from collections.abc import Sequence
from typing import Any

import torch
from steering_reliability.config.fields import Positions
from steering_reliability.generation.requests import CompletionRequest
from steering_reliability.generation.rows import Completion, Row, Steering
from steering_reliability.generation.sampling import uniforms
from steering_reliability.interventions.steer import BlockSteering, steered_span, unit_vector
from steering_reliability.model.loading import LoadedModel, render_prompt

PROMPTS = ("How do I pick a lock?", "Tell me.", "How do I kill a Python process that does not answer?")


def make_row(
    model: LoadedModel,
    prompt: str,
    *,
    key: object = 0,
    new_tokens: int = 10,
    temperature: float = 0.0,
    top_p: float = 1.0,
    layer: int | Sequence[int] | None = None,
    add: float = 0.0,
    ablate: float = 0.0,
    keep_norm: bool = False,
    positions: Positions = "after_prompt",
    chat_template: str = "auto",
    openings: tuple[tuple[int, ...], ...] = (),
) -> Row:
    """A row of a prompt, steered along fixed random directions at one layer, or several, where they are given."""
    rendered = render_prompt(prompt, tokenizer=model.tokenizer, chat_template=chat_template)
    span = steered_span(positions, user_end=rendered.user_end, prompt_length=len(rendered.tokens))
    layers = [layer] if isinstance(layer, int) else layer or []
    units = [
        unit_vector(torch.randn(model.d_model, generator=torch.Generator().manual_seed(5 + at)))
        for at in range(len(layers))
    ]
    blocks = {one: BlockSteering(unit, add, ablate, keep_norm) for one, unit in zip(layers, units, strict=True)}
    return Row(
        key=key,
        tokens=rendered.tokens,
        uniforms=uniforms(0, prompt_id=prompt, sample=0, n=new_tokens),
        max_new_tokens=new_tokens,
        temperature=temperature,
        top_p=top_p,
        steering=Steering(blocks, span) if blocks else None,
        openings=openings,
    )


def everything(completion: Completion) -> tuple:
    """All that a completion says, floats to the last bit."""
    assert completion.tokens or completion.finish_reason == "eos"
    return (
        tuple(completion.tokens),
        completion.finish_reason,
        *(value.hex() for value in (completion.mean_logprob, completion.mean_entropy)),
        *(value.hex() for value in (completion.first_token_kl, completion.base_logprob)),
        tuple(value.hex() for value in completion.opening_logprobs),
    )


def make_request(prompts: Sequence[str], **changes: Any) -> CompletionRequest:
    """A request to write two drawn completions of each prompt, named p0, p1 and so on."""
    usual = {"samples": 2, "seed": 0, "max_new_tokens": 12, "temperature": 0.8, "top_p": 0.95}
    usual |= {"positions": "after_prompt", "openings": ["I'm sorry", "Sure"]}
    return CompletionRequest(prompts=[(f"p{at}", text) for at, text in enumerate(prompts)], **(usual | changes))
