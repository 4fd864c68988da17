"""What a forward pass over the rows in flight is told, sent to the device in one piece."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from steering_reliability.generation.residual_store import NOWHERE
from steering_reliability.generation.slot import Slot
from steering_reliability.generation.slot_cache import padded, round_up
from steering_reliability.generation.steering_table import SteeringTable
from steering_reliability.generation.transfer import to_device


@dataclass(frozen=True)
class Step:
    """One token of every row, and what is done to it.

    Attributes:
        tokens: The token that each row reads; rows are filled up to a multiple of 8.
        positions: Its place in the row.
        entries: The row's entry in the steering table at this token.
        token_numbers: Which of the row's generated tokens it is.
        chosen: Rows whose logits are wanted, the first repeated up to a multiple of 8.
        steered: Blocks at which any row is steered.
        kept: At each block before whose steering any row's residual stream is kept, the rows' places in the residual
            store; nowhere for the other rows.
    """

    tokens: Int[Tensor, "n 1"]
    positions: Int[Tensor, "n 1"]
    entries: Int[Tensor, " n"]
    token_numbers: Int[Tensor, " n"]
    chosen: Int[Tensor, " m"]
    steered: frozenset[int]
    kept: Mapping[int, Int[Tensor, " n"]]

    @classmethod
    def of(cls, live: Sequence[Slot], *, indices: list[int], table: SteeringTable, device: torch.device) -> "Step":
        """The next step of the rows in flight; the next token of those at `indices` is wanted."""
        filler = [0] * (round_up(len(live)) - len(live))
        conditions = [slot.steering_now for slot in live]
        kept = [slot.first_block if slot.is_kept_now else None for slot in live]
        kept_blocks = sorted({block for block in kept if block is not None})
        chosen = padded(indices)
        columns = [
            [slot.tokens[slot.position] for slot in live],
            [slot.position for slot in live],
            table.entries(conditions),
            [max(0, slot.position - slot.prompt_length) for slot in live],
        ]
        for block in kept_blocks:
            columns.append(
                [slot.kept_at or NOWHERE if one == block else NOWHERE for slot, one in zip(live, kept, strict=True)]
            )
        columns = [column + filler for column in columns] + [chosen + [0] * (len(live) + len(filler) - len(chosen))]
        tokens, positions, entries, token_numbers, *places, rows = to_device(columns, dtype=torch.long, device=device)
        return cls(
            tokens=tokens.unsqueeze(-1),
            positions=positions.unsqueeze(-1),
            entries=entries,
            token_numbers=token_numbers,
            chosen=rows[: len(chosen)],
            steered=frozenset(block for one in {id(one): one for one in conditions if one}.values() for block in one),
            kept=dict(zip(kept_blocks, places, strict=True)),
        )
