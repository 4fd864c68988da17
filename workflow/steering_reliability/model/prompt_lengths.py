"""Lengths of prompts in the model's tokens, and whether a completion fits after each."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from steering_reliability.model.loading import beyond_context, opening_tokens, render_prompt
from steering_reliability.prompts.schema import Prompt


def measure_lengths(
    prompts: Sequence[Prompt],
    *,
    tokenizer: Any,
    context: int,
    max_new_tokens: int,
    openings: Sequence[str],
    templates: Mapping[str, Any],
) -> dict[str, int | float | str]:
    """Count the tokens of a split's prompts, template included.

    The prompts are those of one split, at least one; the probability of the `openings` after each is measured.
    `templates` has `system_prompt`, `chat_template` and `prompt_template`, as `render_prompt` takes them.

    Returns:
        `n_prompts`, `median_tokens`, `longest_tokens`, `longest_prompt` (its id), `tokens_after` (most tokens
        that follow a prompt) and `context`.

    Raises:
        InputError: When a prompt and what follows it don't fit the context; names the prompts.
    """
    lengths = {
        prompt.id: len(render_prompt(prompt.prompt, tokenizer=tokenizer, **templates).tokens) for prompt in prompts
    }
    around = {key: value for key, value in templates.items() if key != "system_prompt"}
    read = (
        len(opening_tokens(opening, prompt=prompt.prompt, tokenizer=tokenizer, **around))
        for prompt in prompts
        for opening in openings
    )
    after = max([max_new_tokens, *read])
    beyond = {name: n for name, n in lengths.items() if n + after > context}
    if beyond:
        raise beyond_context(beyond, context=context, room=after)
    longest = max(lengths, key=lambda name: lengths[name])
    return {
        "n_prompts": len(lengths),
        "median_tokens": statistics.median(lengths.values()),
        "longest_tokens": lengths[longest],
        "longest_prompt": longest,
        "tokens_after": after,
        "context": context,
    }
