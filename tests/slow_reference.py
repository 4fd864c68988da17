"""The engine's contract, written down slowly: one row, no cache, the whole sequence again at every step."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from steering_reliability.generation.rows import Row
from torch import Tensor

# What a block does to one residual stream, by its index.
Changes = Mapping[int, Callable[[Tensor], Tensor]]

FORMULAS: dict[str, Callable[..., Tensor]] = {
    "add": lambda r, u, c, m: r + c * u,
    "add_keep_norm": lambda r, u, c, m: (r + c * u) * r.norm() / (r + c * u).norm(),
    "ablate": lambda r, u, a, m: r - a * (r @ u) * u,
    "ablate_affine": lambda r, u, a, m: r - a * (r @ u - m) * u,
    "clamp": lambda r, u, c, m: r + (c - r @ u) * u,
}
"""The interventions as they are written down: residual stream, unit vector, length or share, mean projection."""


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
def write_slowly(
    plain: Any, row: Row, *, hook_point: str, end_tokens: frozenset[int], changes: Changes | None = None
) -> SlowCompletion:
    """Write one row by recomputing its whole sequence, with plain torch hooks, for each token.

    `changes` is what the steered blocks do; None for what the row's own coefficients say.
    """
    tokens = list(row.tokens)
    logprobs, entropies, reason = [], [], "length"
    unsteered = torch.log_softmax(plain(torch.tensor([tokens])).logits[0, -1].double(), dim=-1)
    for step in range(row.max_new_tokens):
        logits = _steered_logits(plain, tokens, row, hook_point=hook_point, changes=changes)
        distribution = torch.log_softmax(logits, dim=-1)
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
def score_slowly(
    plain: Any, row: Row, opening: tuple[int, ...], *, hook_point: str, changes: Changes | None = None
) -> float:
    """Log-probability of an opening after a row's prompt, one whole sequence after the other."""
    tokens, total = list(row.tokens), 0.0
    for token in opening:
        logits = _steered_logits(plain, tokens, row, hook_point=hook_point, changes=changes)
        total += float(torch.log_softmax(logits, dim=-1)[token])
        tokens.append(token)
    return total


def _steered_logits(plain: Any, tokens: list[int], row: Row, *, hook_point: str, changes: Changes | None) -> Tensor:
    if row.steering is None:
        return plain(torch.tensor([tokens])).logits[0, -1].double()
    if changes is None:
        changes = {
            block: lambda r, how=how: r + (how.add - how.ablate * (r @ how.unit)) * how.unit
            for block, how in row.steering.blocks.items()
        }
    with ExitStack() as hooks:
        for index, change in changes.items():
            block = plain.model.layers[index]
            if hook_point != "resid_post":
                before = block.register_forward_pre_hook(
                    lambda _, inputs, change=change: (_steer(inputs[0], row, change), *inputs[1:])
                )
                hooks.callback(before.remove)
            if hook_point != "resid_pre":
                after = block.register_forward_hook(lambda *call, change=change: _steer(call[2], row, change))
                hooks.callback(after.remove)
        return plain(torch.tensor([tokens])).logits[0, -1].double()


def _steer(resid: Tensor, row: Row, change: Callable[[Tensor], Tensor]) -> Tensor:
    first, end = row.steering.span
    resid = resid.clone()
    for position in range(first, resid.shape[1] if end is None else min(end, resid.shape[1])):
        resid[0, position] = change(resid[0, position])
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
