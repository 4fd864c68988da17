"""Hooks on the decoder layers: they steer tokens, keep residual streams, and score given tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steering_reliability.generation.token_statistics import logprobs_of
from steering_reliability.interventions.steer import BlockSteering, steer
from steering_reliability.vllm_engine.layers import halves, hidden_argument, read_stream, write_stream
from steering_reliability.vllm_engine.measured import Measurements
from steering_reliability.vllm_engine.tasks import Part

# Tokens whose logits are computed at once: a vocabulary of 150,000 takes 150 MB.
SCORED_AT_ONCE = 256

Table = dict[str, Mapping[int, Sequence[BlockSteering]]]
"""What each steering does, in order, at the places of the stream: place 0 is what the first block reads, place i + 1
what block i writes (and the next one reads)."""


class Hooks:
    """What is done to the tokens of a step; `parts` has them, and is empty where vLLM only warms up.

    Attributes:
        table: What each steering does.
        parts: The requests of the step that the model reads now.
        touched: Places of the stream that any steering has written since it was last emptied.
    """

    def __init__(self, model: nn.Module, layers: Sequence[nn.Module], *, measured: Measurements) -> None:
        self.model, self.measured = model, measured
        self.n_places = len(layers) + 1
        self.table: Table = {}
        self.parts: list[Part] = []
        self.touched: set[int] = set()
        layers[0].register_forward_pre_hook(self._before_first, with_kwargs=True)
        for block, layer in enumerate(layers):
            layer.register_forward_hook(self._after(block + 1))
        model.register_forward_hook(self._after_all)

    def _before_first(self, layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.parts:
            self._at(0, hidden_argument(layer, arguments, named), None)

    def _after(self, place: int) -> Any:
        def hook(layer: nn.Module, arguments: Any, output: Any) -> None:
            if self.parts:
                self._at(place, *halves(output, layer=type(layer).__name__))

        return hook

    def _at(self, place: int, hidden: Tensor, residual: Tensor | None) -> None:
        for part in self.parts:
            if part.task.read is not None:
                self._keep(part, place, hidden, residual)
        steered = self._steered_at(place)
        for turn in range(max((len(doings) for doings, _ in steered), default=0)):
            # Twice where one block's output and the next one's input are steered.
            turns = [(doings[turn], rows) for doings, rows in steered if len(doings) > turn]
            rows = torch.tensor([row for _, found in turns for row in found], device=hidden.device)
            stream = steer(read_stream(hidden, residual, rows), **_arguments(turns, device=hidden.device))
            write_stream(hidden, residual, rows, stream)
            self.touched.add(place)

    def _steered_at(self, place: int) -> list[tuple[Sequence[BlockSteering], range]]:
        found = []
        for part in self.parts:
            if part.task.steering is None:
                continue
            doings, rows = self.table[part.task.steering].get(place), part.between(*part.task.span)
            if doings and rows:
                found.append((doings, rows))
        return found

    def _keep(self, part: Part, place: int, hidden: Tensor, residual: Tensor | None) -> None:
        first, end = part.task.read or (0, 0)
        rows = part.between(first, end)
        if not rows:
            return
        found = self.measured[part.task.name]
        if found.stream is None:
            found.stream = torch.zeros(self.n_places, hidden.shape[-1], device=hidden.device)
        stream = read_stream(hidden, residual, torch.tensor(rows, device=hidden.device)).sum(dim=0) / (end - first)
        # A request that lost its place is read again from its beginning.
        is_begun = part.position > first
        found.stream[place] = found.stream[place] + stream if is_begun else stream

    def _after_all(self, model: nn.Module, arguments: Any, hidden: Any) -> None:
        """Score the given tokens of the step, from the last hidden states."""
        rows: list[int] = []
        targets: list[int] = []
        places: list[tuple[str, int]] = []
        for part in self.parts:
            score = part.task.score
            if score is None:
                continue
            found = part.between(score.first, score.first + len(score.targets))
            begin = max(part.position - score.first, 0)
            rows += list(found)
            targets += score.targets[begin : begin + len(found)]
            places += [(part.task.name, begin + at) for at in range(len(found))]
        for start in range(0, len(rows), SCORED_AT_ONCE):
            end = min(start + SCORED_AT_ONCE, len(rows))
            found_logprobs = self._score(hidden, rows[start:end], targets[start:end])
            for (name, at), logprob in zip(places[start:end], found_logprobs, strict=True):
                self.measured[name].logprobs[at] = logprob
        self.parts = []

    def _score(self, hidden: Tensor, rows: list[int], targets: list[int]) -> list[float]:
        logits: Float[Tensor, "n vocabulary"] = self.model.compute_logits(  # type: ignore[operator]
            hidden[torch.tensor(rows, device=hidden.device)]
        )
        return logprobs_of(logits, targets=torch.tensor(targets, device=logits.device)).tolist()


def _arguments(turns: Sequence[tuple[BlockSteering, range]], *, device: torch.device) -> dict[str, Tensor]:
    """The arguments of `steer` for rows, one after the other."""
    which = torch.tensor([at for at, (_, rows) in enumerate(turns) for _ in rows], device=device)
    numbers = torch.tensor([(one.add, one.ablate) for one, _ in turns], device=device)[which]
    return {
        "unit": torch.stack([one.unit for one, _ in turns]).to(device)[which],
        "add": numbers[:, 0],
        "ablate": numbers[:, 1],
        "keep_norm": torch.tensor([one.keep_norm for one, _ in turns], device=device)[which],
    }
