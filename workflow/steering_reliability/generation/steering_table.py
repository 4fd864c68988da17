"""What is done to the rows in flight at each block: one table on the device for all conditions among them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from steering_reliability.interventions.steer import BlockSteering, steer

Blocks = Mapping[int, BlockSteering]

UNSTEERED = 0
"""The entry that leaves a row as it is."""


@dataclass(frozen=True)
class _AtBlock:
    """The arguments of `steer` at one block, an entry for each condition; inactive ones leave a row as it is."""

    unit: Float[Tensor, "entries d_model"]
    add: Float[Tensor, " entries"]
    ablate: Float[Tensor, " entries"]
    active: Bool[Tensor, "entries 1"]
    keep_norm: Bool[Tensor, " entries"] | None


class SteeringTable:
    """The steering of all conditions in flight; rows that share one `Steering.blocks` are of one condition.

    Tensors are sent to the device when a condition joins, so that a step has only to say which entry each row takes.
    """

    def __init__(self, *, d_model: int, device: torch.device) -> None:
        self.d_model, self.device = d_model, device
        self._rows: Counter[int] = Counter()
        self._conditions: dict[int, Blocks] = {}
        self._entries: dict[int, int] = {}
        self._at: dict[int, _AtBlock] = {}

    def join(self, blocks: Blocks) -> None:
        """Count a row of a condition in."""
        self._rows[id(blocks)] += 1
        self._conditions[id(blocks)] = blocks

    def leave(self, blocks: Blocks) -> None:
        """Count a row out; the last one's condition goes when the next comes."""
        self._rows[id(blocks)] -= 1

    def entries(self, conditions: Sequence[Blocks | None]) -> list[int]:
        """Number of each condition in the table, until the next that joins; None leaves a row as it is."""
        if any(one is not None and id(one) not in self._entries for one in conditions):
            self._make()
        return [UNSTEERED if one is None else self._entries[id(one)] for one in conditions]

    def apply(
        self, resid: Float[Tensor, "n d_model"], *, block: int, entries: Int[Tensor, " n"]
    ) -> Float[Tensor, "n d_model"]:
        """Steer each row by its entry at a block; the others keep their bits."""
        at = self._at[block]
        steered = steer(
            resid,
            unit=at.unit[entries],
            add=at.add[entries],
            ablate=at.ablate[entries],
            keep_norm=None if at.keep_norm is None else at.keep_norm[entries],
        )
        return torch.where(at.active[entries], steered, resid)

    def _make(self) -> None:
        # Whoever holds no row may be gone, and its number given to another object.
        self._conditions = {key: blocks for key, blocks in self._conditions.items() if self._rows[key] > 0}
        self._rows = +self._rows
        self._entries = {key: number for number, key in enumerate(self._conditions, start=UNSTEERED + 1)}
        steered = {block for blocks in self._conditions.values() for block in blocks}
        self._at = {
            block: self._at_block([blocks.get(block) for blocks in self._conditions.values()]) for block in steered
        }

    def _at_block(self, conditions: Sequence[BlockSteering | None]) -> _AtBlock:
        entries = [None, *conditions]
        nothing = BlockSteering(torch.zeros(self.d_model))
        filled = [one or nothing for one in entries]

        def sent(values: list[float] | list[bool]) -> Tensor:
            return torch.tensor(values).to(self.device)

        return _AtBlock(
            unit=torch.stack([one.unit for one in filled]).to(self.device),
            add=sent([one.add for one in filled]),
            ablate=sent([one.ablate for one in filled]),
            active=sent([one is not None for one in entries]).unsqueeze(-1),
            keep_norm=sent([one.keep_norm for one in filled]) if any(one.keep_norm for one in filled) else None,
        )
