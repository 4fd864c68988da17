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
    of_interest: list[tuple[Slot, int]] = []
    for slot, row in zip(slots, at, strict=True):
        assert slot.row is not None and slot.completion is not None
        slot.completion.first_token_kl = 0.0
        if slot.row.steering or slot.row.openings:
            of_interest.append((slot, row))
    # A few at a time: in float64 all of a large batch would take more memory than its keys and values.
    for start in range(0, len(of_interest), GRID):
        some = of_interest[start : start + GRID]
        chosen = to_device(padded([row for _, row in some]), dtype=torch.long, device=logits.device)
        logprobs = torch.log_softmax(logits[chosen].float(), dim=-1)
        rows = [(slot, logprobs[index]) for index, (slot, _) in enumerate(some)]
        _measure_divergence([(slot, row) for slot, row in rows if slot.row and slot.row.steering])
        _measure_openings([(slot, row) for slot, row in rows if slot.row and slot.row.openings])


def _measure_divergence(rows: Sequence[tuple[Slot, Float[Tensor, " vocabulary"]]]) -> None:
    if not rows:
        return
    unsteered = torch.stack([slot.prompt.logprobs for slot, _ in rows if slot.prompt])
    divergences = _divergences(torch.stack([logprobs for _, logprobs in rows]), unsteered)
    for (slot, _), divergence in zip(rows, divergences, strict=True):
        assert slot.completion is not None
        slot.completion.first_token_kl = divergence


def _measure_openings(rows: Sequence[tuple[Slot, Float[Tensor, " vocabulary"]]]) -> None:
    if not rows:
        return
    measured = [
        (logprobs[opening[0]], found)
        for slot, logprobs in rows
        if slot.row and slot.completion
        for opening, found in zip(slot.row.openings, slot.completion.openings, strict=True)
    ]
    picked = to_host(torch.stack([logprob for logprob, _ in measured]))
    for (_, found), logprob in zip(measured, picked, strict=True):
        found.append(logprob)


def _divergences(steered: Float[Tensor, "k v"], unsteered: Float[Tensor, "k v"]) -> list[float]:
    """KL(steered || unsteered) of each row, in nats; rounding can't make it negative."""
    ours, theirs = (one.to(float64_device(one.device)).double() for one in (steered, unsteered))
    terms = ours.softmax(dim=-1) * (ours - theirs)
    if terms.device.type == "cpu":
        # Added up by numpy: torch splits a long sum between threads, so that its last bits depend on their number.
        return [max(0.0, float(row.sum())) for row in terms.numpy()]
    return [max(0.0, divergence) for divergence in to_host(terms.sum(dim=-1))]
