"""The tokens that every steering of a prompt reads anew: its end, and the openings that branch off there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

PROMPT: Final = -1
"""In `Tail.owners`: a token of the prompt."""


@dataclass(frozen=True)
class Tail:
    """A prompt from its first steered token on (its last token, if that comes later), then its openings.

    The openings stand one after another in one row, but each as if it came right after the prompt: at the positions
    that it would have there, and seeing the prompt and itself alone. So one pass scores all of them.

    Attributes:
        split: Of the prompt.
        before: Tokens that come before, which no steering reaches.
        tokens: The tail; of each opening all tokens but the last.
        positions: Place of each token in its own text.
        owners: Number of the opening that each token belongs to, or `PROMPT`.
        steered: Whether each token is steered.
        wanted: Places in the tail after which the next token's distribution is wanted; the prompt's end comes first.
        targets: The tokens of each opening, each with the entry of `wanted` that says how likely it is.
    """

    split: str
    before: tuple[int, ...]
    tokens: tuple[int, ...]
    positions: tuple[int, ...]
    owners: tuple[int, ...]
    steered: tuple[bool, ...]
    wanted: tuple[int, ...]
    targets: tuple[tuple[tuple[int, int], ...], ...]


def make_tail(
    tokens: Sequence[int], *, openings: Sequence[Sequence[int]], span: tuple[int, int | None], split: str = ""
) -> Tail:
    """Lay out a prompt whose steered tokens are those of `span` (first, and the one after the last or None)."""
    n = len(tokens)
    start = min(span[0], n - 1)
    tail, owners = list(tokens[start:]), [PROMPT] * (n - start)
    positions = list(range(start, n))
    wanted, targets = [n - 1 - start], []
    for number, opening in enumerate(openings):
        first = len(tail)
        tail += opening[:-1]
        owners += [number] * (len(opening) - 1)
        positions += range(n, n + len(opening) - 1)
        entries = [0, *range(len(wanted), len(wanted) + len(opening) - 1)]
        wanted += range(first, len(tail))
        targets.append(tuple(zip(entries, opening, strict=True)))
    end = span[1]
    steered = [span[0] <= at and (end is None or at < end) for at in positions]
    return Tail(
        split=split,
        before=tuple(tokens[:start]),
        tokens=tuple(tail),
        positions=tuple(positions),
        owners=tuple(owners),
        steered=tuple(steered),
        wanted=tuple(wanted),
        targets=tuple(targets),
    )


@dataclass(frozen=True)
class TailBatch:
    """Tails below each other, filled up to one width with tokens that no other token sees.

    Attributes:
        tokens: Token ids.
        slots: Place of each token in its row's keys and values.
        positions: As in `Tail`.
        steered: As in `Tail`.
        unseen: Whether a token (second axis) must not see another token of the tail (third axis), although it is no
            later one.
        wanted: Places of `Tail.wanted`, counted through all rows; each row has `n_wanted`, the prompt's end repeated
            where its openings are shorter than another's.
        n_wanted: Places of each row.
    """

    tokens: Int[Tensor, "n width"]
    slots: Int[Tensor, "n width"]
    positions: Int[Tensor, "n width"]
    steered: Bool[Tensor, "n width"]
    unseen: Bool[Tensor, "n width width"]
    wanted: Int[Tensor, " m"]
    n_wanted: int

    def mask(self, causal: Float[Tensor, "n 1 width keys"]) -> Float[Tensor, "n 1 width keys"]:
        """The additive mask under which openings do not see each other, from the causal one."""
        keys = self.slots.unsqueeze(1).expand_as(self.unseen)
        lowest = torch.finfo(causal.dtype).min
        hidden = torch.zeros_like(causal[:, 0]).scatter_(2, keys, self.unseen.to(causal.dtype) * lowest)
        return torch.minimum(causal, hidden.unsqueeze(1))


def batch_tails(tails: Sequence[Tail], *, copies: int, device: torch.device) -> TailBatch:
    """Put each of some tails into `copies` rows, one after the other."""
    rows = [tail for tail in tails for _ in range(copies)]
    width = max(len(tail.tokens) for tail in rows)
    starts = torch.tensor([len(tail.before) for tail in rows])
    owners = _filled([tail.owners for tail in rows], width=width, filler=PROMPT)
    other = owners.unsqueeze(1) != owners.unsqueeze(2)
    n_wanted = max(len(tail.wanted) for tail in rows)
    places = _filled([(*tail.wanted, *tail.wanted[:1] * (n_wanted - len(tail.wanted))) for tail in rows])
    wanted = places + width * torch.arange(len(rows)).unsqueeze(-1)
    return TailBatch(
        tokens=_filled([tail.tokens for tail in rows], width=width, filler=0).to(device),
        slots=(starts.unsqueeze(-1) + torch.arange(width)).to(device),
        positions=_filled([tail.positions for tail in rows], width=width, filler=0).to(device),
        steered=_filled([tail.steered for tail in rows], width=width, filler=0).bool().to(device),
        unseen=(other & (owners.unsqueeze(1) != PROMPT)).to(device),
        wanted=wanted.flatten().to(device),
        n_wanted=n_wanted,
    )


def _filled(rows: Sequence[Sequence[int]], *, width: int = 0, filler: int = 0) -> Int[Tensor, "n width"]:
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
