"""From logits to the chosen token and its statistics, a few rows at a time so that they stay in the cache."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering_reliability.generation.sampling import choose_tokens
from steering_reliability.generation.slot_cache import GRID


@dataclass(frozen=True)
class TokenStatistics:
    """The next token of each row, its log-probability and the entropy of its distribution (nats, untempered)."""

    tokens: list[int]
    logprobs: list[float]
    entropies: list[float]


def choose_and_measure(
    logits: Float[Tensor, "m vocabulary"],
    *,
    uniform: Float[Tensor, " n"],
    temperature: Float[Tensor, " n"],
    top_p: Float[Tensor, " n"],
) -> TokenStatistics:
    """Choose the next token of the first n rows and measure its distribution.

    The logits have m rows, n rounded up to a multiple of 8, since a sum over a single row would be split between
    threads and round differently. The other arguments are those of `choose_tokens`; all is done on their device.
    """
    tokens: list[Int[Tensor, " k"]] = []
    picked: list[Tensor] = []
    entropies: list[Tensor] = []
    n = len(uniform)
    for start in range(0, n, GRID):
        # In float32 a few at a time too: all of them at once would go through memory twice more.
        rows = logits[start : start + GRID].float().to(uniform.device)
        held = min(GRID, n - start)
        logprobs = torch.log_softmax(rows, dim=-1)
        # Not logprobs.exp(): over a whole matrix it goes through a vector library whose last bit depends on place.
        entropies.append(-(rows.softmax(dim=-1) * logprobs).sum(dim=-1)[:held])
        span = slice(start, start + held)
        chosen = choose_tokens(rows[:held], uniform=uniform[span], temperature=temperature[span], top_p=top_p[span])
        tokens.append(chosen)
        picked.append(logprobs[:held].gather(1, chosen.unsqueeze(-1)).squeeze(-1))
    return TokenStatistics(torch.cat(tokens).tolist(), torch.cat(picked).tolist(), torch.cat(entropies).tolist())


def logprobs_of(logits: Float[Tensor, "m vocabulary"], *, targets: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Log-probability of a given token in each of the first n rows, nats."""
    found = [
        torch.log_softmax(logits[start : start + GRID].float(), dim=-1)[: len(targets) - start]
        .gather(1, targets[start : start + GRID].unsqueeze(-1))
        .squeeze(-1)
        for start in range(0, len(targets), GRID)
    ]
    return torch.cat(found)
