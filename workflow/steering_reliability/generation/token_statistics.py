"""From logits to the chosen token and its statistics, on the device and back to the host once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steering_reliability.generation.sampling import choose_among_likely, choose_tokens, first_maximum
from steering_reliability.generation.slot_cache import GRID, padded
from steering_reliability.generation.transfer import to_device, to_host
from steering_reliability.model.precision import float64_device

# Logits that a processor's core reads at once: as many as stay in its cache from one operation to the next.
CACHED_LOGITS = 1 << 18


@dataclass(frozen=True)
class TokenStatistics:
    """The next token of each row, its log-probability and the entropy of its distribution (nats, untempered)."""

    tokens: list[int]
    logprobs: list[float]
    entropies: list[float]


def choose_and_measure(
    logits: Float[Tensor, "m vocabulary"],
    *,
    uniform: Sequence[float],
    temperature: Sequence[float],
    top_p: Sequence[float],
) -> TokenStatistics:
    """Choose the next token of the first n rows and measure its distribution.

    The logits have m rows, n rounded up to a multiple of 8, since a sum over a single row would be split between
    threads and round differently. The other arguments are those of `choose_tokens`.
    """
    device, n = float64_device(logits.device), len(uniform)
    how = to_device([uniform, temperature, top_p], dtype=torch.float64, device=device)
    kinds = {drawn > 0 for drawn in temperature}
    found = [_measure(rows.to(device), how=how[:, span], kinds=kinds) for rows, span in _pieces(logits, n=n)]
    tokens, logprobs, entropies, resolved = to_host(torch.cat(found, dim=1))
    wide = [at for at in range(n) if not resolved[at]]
    for start in range(0, len(wide), GRID):
        some = wide[start : start + GRID]
        rows = logits[to_device(padded(some), dtype=torch.long, device=logits.device)].float().to(device)
        uniforms, temperatures, top_ps = how[:, to_device(some, dtype=torch.long, device=device)]
        chosen = choose_tokens(rows[: len(some)], uniform=uniforms, temperature=temperatures, top_p=top_ps)
        picked = logprobs_of(rows, targets=chosen)
        for at, token, logprob in zip(some, to_host(chosen), to_host(picked), strict=True):
            tokens[at], logprobs[at] = token, logprob
    return TokenStatistics([int(token) for token in tokens], logprobs, entropies)


def logprobs_of(logits: Float[Tensor, "m vocabulary"], *, targets: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Log-probability of a given token in each of the first n rows, nats."""
    found = [
        torch.log_softmax(rows, dim=-1)[: span.stop - span.start].gather(1, targets[span].unsqueeze(-1)).squeeze(-1)
        for rows, span in _pieces(logits, n=len(targets))
    ]
    return torch.cat(found)


def _pieces(logits: Float[Tensor, "m vocabulary"], *, n: int) -> Iterator[tuple[Float[Tensor, "k vocabulary"], slice]]:
    """Rows in float32, and which of the first n they are: on a processor a few at a time, elsewhere all."""
    m, vocabulary = logits.shape
    size = max(GRID, CACHED_LOGITS // vocabulary // GRID * GRID) if logits.device.type == "cpu" else m
    for start in range(0, n, size):
        yield logits[start : start + size].float(), slice(start, min(start + size, n))


def _measure(rows: Tensor, *, how: Float[Tensor, "3 k"], kinds: set[bool]) -> Float[Tensor, "4 k"]:
    """Token, log-probability, entropy, and whether the token is final, of the first k rows."""
    held = how.shape[1]
    uniform, temperature, top_p = how
    logprobs = torch.log_softmax(rows, dim=-1)
    # Not logprobs.exp(): over a whole matrix it goes through a vector library whose last bit depends on place.
    entropies = -(rows.softmax(dim=-1) * logprobs).sum(dim=-1)[:held]
    if kinds == {False}:
        chosen, resolved = first_maximum(rows[:held]), torch.ones_like(uniform)
    else:
        chosen, resolved = choose_among_likely(rows[:held], uniform=uniform, temperature=temperature, top_p=top_p)
    picked = logprobs[:held].gather(1, chosen.unsqueeze(-1)).squeeze(-1)
    return torch.stack([chosen.double(), picked.double(), entropies.double(), resolved.double()])
