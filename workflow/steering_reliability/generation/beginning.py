"""What is measured where a row begins: the distribution after its prompt."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.slot import Slot
from steering_reliability.generation.slot_cache import GRID, padded
from steering_reliability.generation.transfer import to_device, to_host
from steering_reliability.model.precision import float64_device


def measure_beginnings(slots: Sequence[Slot], *, logits: Float[Tensor, "m vocabulary"], at: Sequence[int]) -> None:
    """Note how far each first distribution is from the unsteered one, and how likely it makes the openings.

    `at` are the slots' rows of the logits. Each completion gets `first_token_kl`, in nats, and the log-probability of
    the first token of each opening.
    """
    steered: list[tuple[Slot, int]] = []
    opened: list[tuple[Slot, int]] = []
    for slot, row in zip(slots, at, strict=True):
        assert slot.row is not None and slot.completion is not None
        slot.completion.first_token_kl = 0.0
        if slot.row.steering:
            steered.append((slot, row))
        if slot.row.openings:
            opened.append((slot, row))
    # A few at a time: in float64 all of a large batch would take more memory than its keys and values.
    for start in range(0, len(steered), GRID):
        _measure_divergence(steered[start : start + GRID], logits=logits)
    for start in range(0, len(opened), GRID):
        _measure_openings(opened[start : start + GRID], logits=logits)


def _measure_divergence(rows: Sequence[tuple[Slot, int]], *, logits: Float[Tensor, "m vocabulary"]) -> None:
    unsteered = torch.stack([slot.prompt.logprobs for slot, _ in rows if slot.prompt])
    logprobs = _logprobs([row for _, row in rows], logits=logits)[: len(rows)]
    for (slot, _), divergence in zip(rows, _divergences(logprobs, unsteered), strict=True):
        assert slot.completion is not None
        slot.completion.first_token_kl = divergence


def _measure_openings(rows: Sequence[tuple[Slot, int]], *, logits: Float[Tensor, "m vocabulary"]) -> None:
    firsts = [
        (at, opening[0], found)
        for at, (slot, _) in enumerate(rows)
        if slot.row and slot.completion
        for opening, found in zip(slot.row.openings, slot.completion.openings, strict=True)
    ]
    logprobs = _logprobs([row for _, row in rows], logits=logits)
    pairs = to_device([(at, token) for at, token, _ in firsts], dtype=torch.long, device=logits.device)
    picked = logprobs[pairs[:, 0], pairs[:, 1]]
    for (_, _, found), logprob in zip(firsts, to_host(picked), strict=True):
        found.append(logprob)


def _logprobs(rows: list[int], *, logits: Float[Tensor, "m vocabulary"]) -> Float[Tensor, "k vocabulary"]:
    chosen = to_device(padded(rows), dtype=torch.long, device=logits.device)
    return torch.log_softmax(logits[chosen].float(), dim=-1)


def _divergences(steered: Float[Tensor, "k v"], unsteered: Float[Tensor, "k v"]) -> list[float]:
    """KL(steered || unsteered) of each row, in nats; rounding can't make it negative."""
    ours, theirs = (one.to(float64_device(one.device)).double() for one in (steered, unsteered))
    terms = ours.softmax(dim=-1) * (ours - theirs)
    if terms.device.type == "cpu":
        # Added up by numpy: torch splits a long sum between threads, so that its last bits depend on their number.
        return [max(0.0, float(row.sum())) for row in terms.numpy()]
    return [max(0.0, divergence) for divergence in to_host(terms.sum(dim=-1))]
