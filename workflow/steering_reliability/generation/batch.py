"""The rows in flight: what each slot holds, and the next forward pass over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steering_reliability.generation.prompt_store import PromptState
from steering_reliability.generation.rows import Completion, Row
from steering_reliability.generation.slot_cache import GRID, SHORTEST, SlotCache, padded, round_up
from steering_reliability.interventions.steer import BlockSteering, Hook, hook_places, steer
from steering_reliability.model.loading import LoadedModel


@dataclass(eq=False)
class Slot:
    """A row in flight, or a prompt that is being read.

    Attributes:
        tokens: All tokens known so far: the prompt, then what was written.
        position: Index of the token that the next forward pass reads.
        row: None while a prompt is read for the store.
        prompt: Unsteered state of the row's prompt.
        completion: What was written so far.
        residuals: Residual stream at the first steered block, before steering, one per generated token that was read.
        logprobs: Log-probability of each token written.
        entropies: Entropy of each next-token distribution.
        prompt_logprobs: Where a prompt was read, the log-probabilities of the token after it.
        opening: Number of the opening that this slot reads beside its row's own; None for the row itself.
    """

    tokens: list[int]
    position: int
    row: Row | None = None
    prompt: PromptState | None = None
    completion: Completion | None = None
    residuals: list[Tensor] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    entropies: list[float] = field(default_factory=list)
    prompt_logprobs: Tensor = field(default_factory=lambda: torch.zeros(0))
    opening: int | None = None

    @property
    def needs_logits(self) -> bool:
        """Whether the next token is wanted: to be drawn, or to be scored as an opening's."""
        return self.opening is not None or self.position == len(self.tokens) - 1

    @property
    def branches_ahead(self) -> int:
        """Slots that the openings of this row will need once its prompt is read."""
        if self.row is None or self.opening is not None or self.logprobs:
            return 0
        return self.row.branches

    @property
    def is_written(self) -> bool:
        """Whether the token that is read next was written by the model."""
        return self.row is not None and self.opening is None and self.position >= self.prompt_length

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return len(self.row.tokens if self.row else self.tokens)


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
        self.live.append(slot)

    def branch(self, index: int, *, opening: int) -> None:
        """Give an opening of a row, whose prompt has just been read, the next free place."""
        slot = self.live[index]
        assert slot.row is not None
        tokens = [*slot.row.tokens, *slot.row.openings[opening]]
        self.cache.move(index, len(self.live), length=slot.prompt_length)
        self.live.append(Slot(tokens, slot.prompt_length, slot.row, slot.prompt, slot.completion, opening=opening))

    def remove(self, index: int) -> None:
        """Take a row out; the last one moves into its place, so that the live ones stay together."""
        last = self.live.pop()
        if index < len(self.live):
            self.cache.move(len(self.live), index, length=last.position)
            self.live[index] = last

    def forward(self) -> tuple[list[int], Float[Tensor, "m vocabulary"]]:
        """Read one token of every row.

        Returns:
            Indices of the rows whose next token is wanted, and their logits in the model's format, padded below to a
            multiple of 8 rows (a sum over a single row would be split between threads, and round differently).
        """
        n = len(self.live)
        filler = [0] * (round_up(n) - n)
        tokens = torch.tensor([slot.tokens[slot.position] for slot in self.live] + filler).unsqueeze(-1)
        positions = torch.tensor([slot.position for slot in self.live] + filler).unsqueeze(-1)
        indices = [index for index in range(n) if self.live[index].needs_logits]
        logits = self._run(tokens.to(self.model.device), positions.to(self.model.device), indices)
        for slot in self.live:
            slot.position += 1
        return indices, logits

    def _run(self, tokens: Tensor, positions: Tensor, indices: list[int]) -> Tensor:
        horizon = max(int(positions.max()) + 1, SHORTEST)
        arguments = self.cache.inputs(tokens, positions, horizon=horizon, dtype=self.model.dtype)
        hooks = self._steering_hooks()
        if not indices:
            with self.model.bridge.hooks(fwd_hooks=hooks):
                self.network.base_model(**arguments)
            return torch.zeros(0, 0)
        chosen = torch.tensor(padded(indices), device=tokens.device)
        hooks.append(("unembed.hook_in", lambda resid, hook: resid[chosen]))
        with self.model.bridge.hooks(fwd_hooks=hooks):
            logits: Tensor = self.network(**arguments).logits[:, -1]
        return logits

    def _steering_hooks(self) -> list[tuple[str, Hook]]:
        """A hook at each place where the next token's residual stream is steered, or kept for the scoring."""
        kept: dict[int, list[tuple[int, Slot]]] = {}
        alike: dict[int, tuple[Mapping[int, BlockSteering], list[int]]] = {}
        for index, slot in enumerate(self.live):
            steering = slot.row.steering if slot.row else None
            if steering is None:
                continue
            if slot.is_written:
                kept.setdefault(steering.first, []).append((index, slot))
            if steering.steers(slot.position):
                alike.setdefault(id(steering.blocks), (steering.blocks, []))[1].append(index)
        steered: dict[int, list[tuple[BlockSteering, list[int]]]] = {block: [] for block in kept}
        for blocks, indices in alike.values():
            for block, one in blocks.items():
                steered.setdefault(block, []).append((one, indices))
        hooks = []
        for block in sorted(steered):
            rows, how = self._arguments(steered[block])
            for at, place in enumerate(self.places):
                keeping = [] if at else kept.get(block, [])
                hooks.append((f"blocks.{block}.hook_{place}", self._hook(rows, how, kept=keeping)))
        return hooks

    def _arguments(self, steered: Sequence[tuple[BlockSteering, list[int]]]) -> tuple[Tensor, dict[str, Any]]:
        """Indices of the rows that are steered at a block, and the arguments of `steer` for them."""
        device = self.model.device
        rows = torch.tensor([index for _, indices in steered for index in indices], dtype=torch.long, device=device)
        if not steered:
            return rows, {}
        which = torch.tensor([at for at, (_, indices) in enumerate(steered) for _ in indices], device=device)
        numbers = torch.tensor([(one.add, one.ablate) for one, _ in steered], device=device)[which]
        how = {
            "unit": torch.stack([one.unit for one, _ in steered]).to(device)[which],
            "add": numbers[:, 0],
            "ablate": numbers[:, 1],
        }
        if any(one.keep_norm for one, _ in steered):
            how["keep_norm"] = torch.tensor([one.keep_norm for one, _ in steered], device=device)[which]
        return rows, how

    def _hook(self, rows: Tensor, how: dict[str, Any], *, kept: Sequence[tuple[int, Slot]]) -> Hook:
        """A hook that keeps the residual stream of some slots, and then steers rows."""
        rows_kept = torch.tensor([index for index, _ in kept], dtype=torch.long, device=self.model.device)

        def hook(resid: Tensor, hook: Any) -> Tensor:
            for (_, slot), stream in zip(kept, resid[rows_kept, 0], strict=True):
                slot.residuals.append(stream)
            if how:
                resid = resid.clone()
                resid[rows, 0] = steer(resid[rows, 0], **how)
            return resid

        return hook
