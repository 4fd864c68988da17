"""The engine's contract, written down slowly: one row, no cache, the whole sequence again at every step."""

from dataclasses import dataclass
from typing import Any

import torch
from steering_reliability.generation.rows import Row
from torch import Tensor


@dataclass
class SlowCompletion:
    """What the reference says about a row."""

    tokens: list[int]
    finish_reason: str
    mean_logprob: float
    mean_entropy: float
    first_token_kl: float
    base_logprob: float


@torch.inference_mode()
def write_slowly(plain: Any, row: Row, *, hook_point: str, end_tokens: frozenset[int]) -> SlowCompletion:
    """Write one row by recomputing its whole sequence, with a plain torch hook, for each token."""
    tokens = list(row.tokens)
    logprobs, entropies, reason = [], [], "length"
    unsteered = torch.log_softmax(plain(torch.tensor([tokens])).logits[0, -1].double(), dim=-1)
    for step in range(row.max_new_tokens):
        distribution = torch.log_softmax(_steered_logits(plain, tokens, row, hook_point=hook_point), dim=-1)
        if step == 0:
            kl = float((distribution.exp() * (distribution - unsteered)).sum())
        token = _draw(distribution, row, uniform=row.uniforms[step])
        logprobs.append(float(distribution[token]))
        entropies.append(-float((distribution.exp() * distribution).sum()))
        tokens.append(token)
        if token in end_tokens:
            reason = "eos"
            break
    written = tokens[len(row.tokens) :]
    base = torch.log_softmax(plain(torch.tensor([tokens])).logits[0].double(), dim=-1)
    base_scores = [float(base[len(row.tokens) - 1 + at, token]) for at, token in enumerate(written)]
    return SlowCompletion(
        tokens=written[:-1] if reason == "eos" else written,
        finish_reason=reason,
        mean_logprob=sum(logprobs) / len(logprobs),
        mean_entropy=sum(entropies) / len(entropies),
        first_token_kl=kl,
        base_logprob=sum(base_scores) / len(base_scores),
    )


@torch.inference_mode()
def score_slowly(plain: Any, row: Row, opening: tuple[int, ...], *, hook_point: str) -> float:
    """Log-probability of an opening after a row's prompt, one whole sequence after the other."""
    tokens, total = list(row.tokens), 0.0
    for token in opening:
        total += float(torch.log_softmax(_steered_logits(plain, tokens, row, hook_point=hook_point), dim=-1)[token])
        tokens.append(token)
    return total


def _steered_logits(plain: Any, tokens: list[int], row: Row, *, hook_point: str) -> Tensor:
    if row.steering is None:
        return plain(torch.tensor([tokens])).logits[0, -1].double()
    block = plain.model.layers[row.steering.layer]
    if hook_point == "resid_pre":
        handle = block.register_forward_pre_hook(lambda _, inputs: (_steer(inputs[0], row), *inputs[1:]))
    else:
        handle = block.register_forward_hook(lambda *call: _steer(call[2], row))
    try:
        return plain(torch.tensor([tokens])).logits[0, -1].double()
    finally:
        handle.remove()


def _steer(resid: Tensor, row: Row) -> Tensor:
    steering = row.steering
    first, end = steering.span
    resid = resid.clone()
    for position in range(first, resid.shape[1] if end is None else min(end, resid.shape[1])):
        along = float(resid[0, position] @ steering.unit)
        resid[0, position] += (steering.add - steering.ablate * along) * steering.unit
    return resid


def _draw(distribution: Tensor, row: Row, *, uniform: float) -> int:
    if row.temperature == 0:
        return int(distribution.argmax())
    probabilities = torch.softmax(distribution / row.temperature, dim=-1)
    ordered = sorted(enumerate(probabilities.tolist()), key=lambda pair: -pair[1])
    nucleus: list[tuple[int, float]] = []
    mass = 0.0
    for token, probability in ordered:
        nucleus.append((token, probability))
        mass += probability
        if mass >= row.top_p:
            break
    cumulated = 0.0
    for token, probability in nucleus:
        cumulated += probability / mass
        if uniform < cumulated:
            return token
    return nucleus[-1][0]
