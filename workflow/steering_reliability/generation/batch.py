"""The rows in flight: what each slot holds, and the next forward pass over all of them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.residual_store import ResidualStore
from steering_reliability.generation.slot import Slot
from steering_reliability.generation.slot_cache import GRID, SHORTEST, SlotCache, round_up
from steering_reliability.generation.steering_table import SteeringTable
from steering_reliability.generation.step import Step
from steering_reliability.interventions.steer import Hook, hook_places
from steering_reliability.model.loading import LoadedModel


class Batch:
    """Slots side by side in one cache; a forward pass reads one token of each.

    `slots` is the most rows in flight, a multiple of 8; `budget` the bytes that their keys and values may take.
    """

    def __init__(self, model: LoadedModel, *, hook_point: str, slots: int, budget: int) -> None:
        self.model, self.places = model, hook_places(hook_point)
        self.slots, self.budget = round_up(slots), budget
        self.live: list[Slot] = []
        self.network = model.bridge.original_model
        self.cache = self._cache(SHORTEST)
        self.steering = SteeringTable(d_model=model.d_model, device=model.device)
        self.residuals = ResidualStore(d_model=model.d_model, dtype=model.dtype, device=model.device)

    def _fitting(self, length: int) -> int:
        """Rows of a length that the budget allows, at least the 8 that no batch goes below."""
        return max(GRID, min(self.slots, self.budget // (length * self.model.token_bytes) // GRID * GRID))

    def _cache(self, length: int) -> SlotCache:
        return SlotCache(self.model.n_layers, slots=self._fitting(length), length=length, span=SHORTEST)

    def has_room(self, reserve: int, *, branches: int = 0) -> bool:
        """Whether a row of up to `reserve` tokens, whose openings will need `branches` slots later, may join now."""
        promised = len(self.live) + sum(slot.branches_ahead for slot in self.live)
        return promised + branches < self._fitting(max(self.cache.length, round_up(reserve, grid=32)))

    def make_room(self, reserve: int) -> None:
        """Let rows of up to `reserve` tokens fit.

        Best done while no row is in flight: a cache that grows with its rows leaves its former storage behind as holes
        too small for the next.
        """
        longer = round_up(reserve, grid=32)
        if longer <= self.cache.length:
            return
        if self.live:
            self.cache.reshape(slots=self._fitting(longer), length=longer, filled=len(self.live))
        else:
            self.cache = self._cache(longer)

    def admit(self, slot: Slot, *, stored: list[tuple[Tensor, Tensor]], length: int, reserve: int) -> None:
        """Give a row of up to `reserve` tokens the next free place; its first `length` tokens are stored already."""
        self.make_room(reserve)
        if length:
            self.cache.write(len(self.live), stored, length=length)
        if slot.row and slot.row.is_scored and not slot.row.is_unsteered:
            slot.kept_at = self.residuals.take(slot.row.max_new_tokens)
        self._add(slot)

    def branch(self, index: int, *, opening: int) -> None:
        """Give an opening of a row, whose prompt has just been read, the next free place."""
        slot = self.live[index]
        assert slot.row is not None
        tokens = [*slot.row.tokens, *slot.row.openings[opening]]
        self.cache.move(index, len(self.live), length=slot.prompt_length)
        self._add(Slot(tokens, slot.prompt_length, slot.row, slot.prompt, slot.completion, opening=opening))

    def _add(self, slot: Slot) -> None:
        self.live.append(slot)
        if slot.row and slot.row.steering:
            self.steering.join(slot.row.steering.blocks)

    def remove(self, index: int) -> None:
        """Take a row out; the last one moves into its place, so that the live ones stay together."""
        removed, last = self.live[index], self.live.pop()
        if index < len(self.live):
            self.cache.move(len(self.live), index, length=last.position)
            self.live[index] = last
        if removed.row and removed.row.steering:
            self.steering.leave(removed.row.steering.blocks)
        if removed.kept_at is not None:
            read = max(0, removed.position - removed.prompt_length)
            removed.residuals = self.residuals.give_back(removed.kept_at, tokens=read)
            removed.kept_at = None

    def forward(self) -> tuple[list[int], Float[Tensor, "m vocabulary"]]:
        """Read one token of every row.

        Returns:
            Indices of the rows whose next token is wanted, and their logits in the model's format, padded below to a
            multiple of 8 rows (a sum over a single row would be split between threads, and round differently).
        """
        indices = [index for index, slot in enumerate(self.live) if slot.needs_logits]
        step = Step.of(self.live, indices=indices, table=self.steering, device=self.model.device)
        logits = self._run(step)
        for slot in self.live:
            slot.position += 1
        return indices, logits

    def _run(self, step: Step) -> Tensor:
        horizon = max(*(slot.position + 1 for slot in self.live), SHORTEST)
        arguments = self.cache.inputs(step.tokens, step.positions, horizon=horizon, dtype=self.model.dtype)
        hooks = self._steering_hooks(step)
        if not len(step.chosen):
            with self.model.bridge.hooks(fwd_hooks=hooks):
                self.network.base_model(**arguments)
            return torch.zeros(0, 0)
        hooks.append(("unembed.hook_in", lambda resid, hook: resid[step.chosen]))
        with self.model.bridge.hooks(fwd_hooks=hooks):
            logits: Tensor = self.network(**arguments).logits[:, -1]
        return logits

    def _steering_hooks(self, step: Step) -> list[tuple[str, Hook]]:
        """A hook at each place where the next token's residual stream is steered, or kept for the scoring."""
        return [
            (f"blocks.{block}.hook_{place}", self._hook(step, block=block, is_first=place == self.places[0]))
            for block in sorted(step.steered.union(step.kept))
            for place in self.places
        ]

    def _hook(self, step: Step, *, block: int, is_first: bool) -> Hook:
        """A hook that keeps the residual stream of some rows where it comes by first, and then steers rows."""

        def hook(resid: Tensor, hook: Any) -> Tensor:
            rows = resid[:, 0]
            if is_first and block in step.kept:
                self.residuals.keep(rows, places=step.kept[block], tokens=step.token_numbers)
            if block in step.steered:
                rows = self.steering.apply(rows, block=block, entries=step.entries)
            return rows.unsqueeze(1)

        return hook
