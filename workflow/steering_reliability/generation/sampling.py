"""The sampling contract: one uniform per (seed, prompt, sample, step), inverted through the nucleus."""

import hashlib

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# Wide enough that almost every nucleus fits; the rows whose nucleus is wider are sorted in full.
CANDIDATES = 256
# Vocabularies are multiples of this, nearly all.
STRETCH = 128


def uniforms(seed: int, *, prompt_id: str, sample: int, n: int) -> tuple[float, ...]:
    """Draw the uniforms of a row from a counter-based generator keyed by what the row is.

    They depend on nothing else: not on the batch, nor on the condition, so conditions share their random numbers. The
    numbers, one per step, lie in [0, 1), and a longer draw begins with the shorter one.
    """
    key = hashlib.blake2b(f"{seed}\0{sample}\0{prompt_id}".encode(), digest_size=16).digest()
    generator = np.random.Generator(np.random.Philox(key=np.frombuffer(key, dtype=np.uint64)))
    return tuple(float(u) for u in generator.random(n))


def choose_tokens(
    logits: Float[Tensor, "n vocabulary"],
    *,
    uniform: Float[Tensor, " n"],
    temperature: Float[Tensor, " n"],
    top_p: Float[Tensor, " n"],
) -> Int[Tensor, " n"]:
    """Pick one token per row: the most likely where temperature is 0, else by inverting the nucleus CDF.

    The nucleus is the smallest set of most likely tokens whose probability reaches top_p (Holtzman et al., The Curious
    Case of Neural Text Degeneration, arXiv 1904.09751, section 3.1). Tokens are ordered from most to least likely; the
    first whose cumulated share of the nucleus exceeds the uniform is chosen.

    Args:
        logits: Untempered, float32.
        uniform: In [0, 1), float64.
        temperature: 0 or above.
        top_p: In (0, 1].
    """
    chosen, resolved = choose_among_likely(logits, uniform=uniform, temperature=temperature, top_p=top_p)
    wide = (~resolved).nonzero().squeeze(-1)
    if len(wide):
        sorted_in_full, _ = choose_among_likely(
            logits[wide],
            uniform=uniform[wide],
            temperature=temperature[wide],
            top_p=top_p[wide],
            candidates=logits.shape[-1],
        )
        chosen[wide] = sorted_in_full
    return chosen


def choose_among_likely(
    logits: Float[Tensor, "n vocabulary"],
    *,
    uniform: Float[Tensor, " n"],
    temperature: Float[Tensor, " n"],
    top_p: Float[Tensor, " n"],
    candidates: int = CANDIDATES,
) -> tuple[Int[Tensor, " n"], Bool[Tensor, " n"]]:
    """`choose_tokens` among each row's most likely tokens, and whether they were enough; the host waits for nothing."""
    drawn = temperature > 0
    # softmax works row by row; exp() over a whole matrix goes through a vector library whose last bit depends on place.
    probabilities = (logits / torch.where(drawn, temperature, 1.0).float().unsqueeze(-1)).softmax(dim=-1)
    picked, resolved = _invert(probabilities, uniform, top_p, candidates)
    return torch.where(drawn, picked, first_maximum(logits)), resolved | ~drawn


def first_maximum(logits: Float[Tensor, "n vocabulary"]) -> Int[Tensor, " n"]:
    """The first of the most likely tokens of each row: argmax, in a fifth of its time.

    torch finds a maximum with vector instructions, and its place one by one; so the place is looked for in the stretch
    of the vocabulary that holds the maximum.
    """
    n, vocabulary = logits.shape
    if vocabulary % STRETCH:
        return logits.argmax(dim=-1)
    stretches = logits.view(n, vocabulary // STRETCH, STRETCH)
    best = stretches.amax(dim=-1).argmax(dim=-1)
    inside = stretches[torch.arange(n, device=logits.device), best]
    return best * STRETCH + inside.argmax(dim=-1)


def _invert(probabilities: Tensor, uniform: Tensor, top_p: Tensor, candidates: int) -> tuple[Tensor, Tensor]:
    candidates = min(candidates, probabilities.shape[-1])
    best, index = probabilities.topk(candidates, dim=-1, sorted=True)
    mass = best.double().cumsum(dim=-1)
    complete = torch.full_like(uniform, candidates == probabilities.shape[-1], dtype=torch.bool)
    reached = mass[:, -1] >= top_p
    # Where the candidates hold the whole nucleus, its mass is known; with top_p 1 the nucleus is everything, mass 1.
    size = (mass < top_p.unsqueeze(-1)).sum(dim=-1).clamp(max=candidates - 1)
    nucleus = torch.where(reached, mass.gather(1, size.unsqueeze(-1)).squeeze(-1), top_p)
    nucleus = torch.where(complete & ~reached, mass[:, -1], nucleus)
    target = uniform * nucleus
    rank = (mass <= target.unsqueeze(-1)).sum(dim=-1)
    last = torch.where(reached, size, torch.full_like(size, candidates - 1))
    inside = target < mass[:, -1]
    resolved = complete | reached | ((top_p >= 1) & inside)
    return index.gather(1, torch.minimum(rank, last).unsqueeze(-1)).squeeze(-1), resolved
