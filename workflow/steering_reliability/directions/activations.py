"""Read the residual stream of all layers at the chosen tokens, in one pass per text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.config.schema import TokenPosition
from steering_reliability.errors import InputError
from steering_reliability.model.loading import LoadedModel, opening_tokens, render_prompt

BATCH = 16


@dataclass(frozen=True)
class Text:
    """A prompt, and what the assistant is made to begin with (may be empty)."""

    prompt: str
    appended: str = ""


def read_residuals(
    texts: Sequence[Text],
    *,
    model: LoadedModel,
    hook_point: str,
    position: TokenPosition,
    system_prompt: str | None = None,
    chat_template: str = "auto",
    prompt_template: str | None = None,
) -> Float[Tensor, "n layers d_model"]:
    """Run the unsteered model over texts and keep the residual stream at the read tokens.

    Args:
        texts: What the model reads.
        model: The bridged model.
        hook_point: `resid_pre` or `resid_post`.
        position: `last_prompt_token`, `first_prefix_token`, `last_prefix_token` or `prefix_mean` (the mean over the
            appended tokens).
        system_prompt: System turn; None leaves it to the template.
        chat_template: `auto` or `none`.
        prompt_template: Text around `{prompt}`, for where there is no chat template.

    Returns:
        float32 on the CPU, rows in the order of `texts`.

    Raises:
        InputError: When an appended text is empty although its tokens are to be read, or a text is too long.
    """
    templates = {"chat_template": chat_template, "prompt_template": prompt_template}
    tokenized = [
        _tokenize(text, model=model, position=position, system_prompt=system_prompt, templates=templates)
        for text in texts
    ]
    rows = []
    # Texts of like length share a batch; the order of the result is the caller's.
    order = sorted(range(len(texts)), key=lambda index: len(tokenized[index][0]))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        rows.append(_read_batch([tokenized[index] for index in batch], model=model, hook_point=hook_point))
    stacked = torch.cat(rows)
    result = torch.empty_like(stacked)
    result[torch.tensor(order)] = stacked
    return result


def _tokenize(
    text: Text, *, model: LoadedModel, position: TokenPosition, system_prompt: str | None, templates: dict[str, Any]
) -> tuple[list[int], int, int]:
    prompt = render_prompt(text.prompt, tokenizer=model.tokenizer, system_prompt=system_prompt, **templates)
    appended = (
        opening_tokens(text.appended, prompt=text.prompt, tokenizer=model.tokenizer, **templates)
        if text.appended
        else ()
    )
    tokens = [*prompt.tokens, *appended]
    length = len(prompt.tokens)
    if position != "last_prompt_token" and not appended:
        raise InputError(
            f"token_position {position} reads the text after the prompt, and it is empty",
            where=f"prompt {text.prompt[:60]!r}",
            fix="set direction.token_position to last_prompt_token",
        )
    if len(tokens) > model.context:
        raise InputError(
            f"a prompt with its prefix has {len(tokens)} tokens, more than the model's context of {model.context}",
            where=f"prompt {text.prompt[:60]!r}",
            fix="shorten the prompt",
        )
    spans = {
        "last_prompt_token": (length - 1, length),
        "first_prefix_token": (length, length + 1),
        "last_prefix_token": (len(tokens) - 1, len(tokens)),
        "prefix_mean": (length, len(tokens)),
    }
    return tokens, *spans[position]


@torch.inference_mode()
def _read_batch(
    batch: Sequence[tuple[list[int], int, int]], *, model: LoadedModel, hook_point: str
) -> Float[Tensor, "b layers d_model"]:
    longest = max(len(tokens) for tokens, _, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    read = torch.zeros(len(batch), longest, 1)
    for row, (tokens, first, end) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        read[row, first:end] = 1 / (end - first)
    read = read.to(model.device)
    kept: list[Tensor] = []

    def keep(resid: Tensor, hook: Any) -> None:
        kept.append((resid.float() * read).sum(dim=1).cpu())

    bridge = model.bridge
    with bridge.hooks(fwd_hooks=[(f"blocks.{layer}.hook_{hook_point}", keep) for layer in range(model.n_layers)]):
        bridge.original_model.base_model(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False
        )
    return torch.stack(kept, dim=1)
