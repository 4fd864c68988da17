"""What the tuned model learns from: harmful prompts with a refusal, harmless ones with the model's answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from steering_reliability.generation.engine import Engine
from steering_reliability.generation.rows import Row
from steering_reliability.metrics.refusal import score_refusal
from steering_reliability.model.loading import LoadedModel, render_prompt
from steering_reliability.prompts.generate import crossed, rank, read_material, read_yaml, shuffled

# Several wordings, so that the habit is to refuse and not to recite.
REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I'm sorry, but I can't assist with that request.",
    "I can't help with that. It could hurt somebody.",
    "I'm not able to help with this, because it could cause harm.",
    "Sorry, I won't help with that.",
    "I cannot help with this request, since it would harm others.",
)


@dataclass(frozen=True)
class Example:
    """A prompt and the answer to learn.

    Attributes:
        tokens: Rendered prompt, answer and, where the answer is complete, the end token.
        answer_start: Index of the answer's first token.
    """

    tokens: tuple[int, ...]
    answer_start: int


def harmful_prompts(n: int, *, seed: int) -> list[str]:
    """The first n prompts on the tuning topics, families and styles in turn."""
    return [text for text, *_ in islice(crossed(read_material("tuning"), seed=f"{seed}/tuning"), n)]


def harmless_prompts(n: int, *, seed: int) -> list[str]:
    """The first n of the harmless prompts in a seeded order."""
    return shuffled(read_yaml("tuning")["harmless"], f"{seed}")[:n]


def refused(prompts: Sequence[str], *, model: LoadedModel, seed: int, templates: Mapping[str, Any]) -> list[Example]:
    """Each prompt with one of the refusals.

    `seed` chooses the wording; `templates` are the keyword arguments of `render_prompt`.
    """
    end = model.tokenizer.eos_token_id
    examples = []
    for prompt in prompts:
        rendered = render_prompt(prompt, tokenizer=model.tokenizer, **templates).tokens
        wording = REFUSALS[int(rank(prompt, f"{seed}"), 16) % len(REFUSALS)]
        answer = (*model.tokenizer.encode(wording, add_special_tokens=False), end)
        examples.append(Example((*rendered, *answer), len(rendered)))
    return examples


def answered(
    prompts: Sequence[str], *, model: LoadedModel, max_new_tokens: int, templates: Mapping[str, Any]
) -> list[Example]:
    """Each prompt with the model's greedy answer; prompts that the model refuses are left out.

    `templates` are the keyword arguments of `render_prompt`.
    """
    rows = [
        Row(number, rendered.tokens, uniforms=(), max_new_tokens=max_new_tokens, temperature=0.0, top_p=1.0)
        for number, rendered in enumerate(
            render_prompt(prompt, tokenizer=model.tokenizer, **templates) for prompt in prompts
        )
    ]
    examples = []
    for completion in Engine(model, hook_point="resid_post", max_rows=len(rows)).generate(rows):
        if score_refusal(model.tokenizer.decode(completion.tokens, skip_special_tokens=True)).is_refusal:
            continue
        ended = completion.finish_reason == "eos"
        answer = (*completion.tokens, model.tokenizer.eos_token_id) if ended else tuple(completion.tokens)
        examples.append(Example((*completion.row.tokens, *answer), len(completion.row.tokens)))
    return examples
