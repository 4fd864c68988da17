"""The unsteered model's log-probability of what the steered one wrote."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.slot import Slot
from steering_reliability.generation.slot_cache import SlotCache, padded, round_up
from steering_reliability.generation.token_statistics import logprobs_of
from steering_reliability.generation.transfer import to_device
from steering_reliability.model.loading import LoadedModel

# AMX multiplies 32 numbers of bfloat16 at once, and a rest in another order.
KEYS = 32


def base_logprobs(slots: Sequence[Slot], *, model: LoadedModel, hook_point: str) -> list[float]:
    """Mean log-probability of each completion under the unsteered model, in nats per token.

    Below the first steered block the steered and the unsteered model see the same, so the pass starts at that block
    from the residual stream that was kept there while writing. All slots must have the same first block.
    """
    row = slots[0].row
    assert row is not None and row.steering is not None
    start = row.steering.first + 1 if hook_point == "resid_post" else row.steering.first
    width = round_up(row.max_new_tokens)
    longest = round_up(max(slot.prompt_length for slot in slots))
    rows = round_up(len(slots))
    resid = torch.zeros(rows, width, model.d_model, dtype=model.dtype, device=model.device)
    cache = SlotCache(model.n_layers, slots=rows, length=round_up(longest + width, grid=KEYS))
    inputs = [[0] * (1 + width)] * rows
    targets: list[int] = []
    needed: list[int] = []
    for index, slot in enumerate(slots):
        assert slot.prompt is not None
        read = slot.tokens[slot.prompt_length : -1]
        inputs[index] = [slot.prompt_length, *read, *[0] * (width - len(read))]
        resid[index, : len(read)] = slot.residuals[: len(read)]
        cache.write(index, slot.prompt.stored, length=slot.prompt_length, first_layer=start)
        targets += slot.tokens[slot.prompt_length + 1 :]
        needed += [index * width + step for step in range(len(read))]
    scores = torch.zeros(0)
    if needed:
        sent = to_device(inputs, dtype=torch.long, device=model.device)
        positions = sent[:, :1] + torch.arange(width, device=model.device)
        arguments = cache.inputs(sent[:, 1:], positions, horizon=cache.length, dtype=model.dtype)
        with blocks_skipped(model, before=start, resid=resid):
            logits = _logits_at(needed, arguments, model=model)
        scores = logprobs_of(logits, targets=to_device(targets, dtype=torch.long, device=model.device)).cpu()
    firsts = torch.stack([slot.prompt.logprobs[slot.tokens[slot.prompt_length]] for slot in slots if slot.prompt]).cpu()
    means, at = [], 0
    for slot, first in zip(slots, firsts, strict=True):
        n_written = len(slot.tokens) - slot.prompt_length
        later = scores[at : at + n_written - 1].double().sum()
        at += n_written - 1
        means.append(float((first.double() + later) / n_written))
    return means


def _logits_at(needed: list[int], arguments: dict[str, Any], *, model: LoadedModel) -> Float[Tensor, "m vocabulary"]:
    """Logits of some tokens, counted through all rows; of the others none are computed."""
    chosen = to_device(padded(needed), dtype=torch.long, device=model.device)
    only_needed = ("unembed.hook_in", lambda x, hook: x.reshape(-1, x.shape[-1])[chosen].unsqueeze(1))
    with model.bridge.hooks(fwd_hooks=[only_needed]):
        logits: Tensor = model.bridge.original_model(**arguments).logits[:, -1]
    return logits


@contextmanager
def blocks_skipped(model: LoadedModel, *, before: int, resid: Float[Tensor, "rows q d_model"]) -> Iterator[None]:
    """Let a forward pass start at block `before`, with `resid` as its input."""
    skipped = list(model.bridge.blocks)[:before]
    output: Any = (resid,) if model.block_returns_tuple else resid
    try:
        for block in skipped:
            # Straight into __dict__: the bridge hands attributes that it is given on to the wrapped module.
            block.__dict__["forward"] = lambda *_, **__: output
        yield
    finally:
        for block in skipped:
            block.__dict__.pop("forward", None)
