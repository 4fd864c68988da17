"""Keys and values of the rows in flight, written in place, and the attention that reads them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from steering_reliability.errors import InputError

GROUPED, BY_TOKEN = "steering_grouped", "steering_by_token"
GRID = 8
# Fewest keys that attention reads: torch multiplies very small matrices in another way, with other last bits.
SHORTEST = 64
# Slots come to span more tokens in steps of so many: each step copies all keys and values once.
SPAN_GRID = 16


def round_up(n: int, *, grid: int = GRID) -> int:
    """The smallest multiple of the grid that is at least n.

    Matrix products gave a row the same bits whatever its neighbours when their heights were multiples of 8.
    """
    return -(-n // grid) * grid


def padded(indices: list[int]) -> list[int]:
    """The indices, the first repeated until there are a multiple of the grid."""
    return indices + indices[:1] * (round_up(len(indices)) - len(indices))


class SlotCache:
    """A Hugging Face cache in which each row has a slot and its own position.

    Rows start at index 0 of their slot and grow to the right, so that what a row reads never depends on how long its
    neighbours are. The slots lie close together: each spans just the tokens that are read now, since a matrix product
    over slots with gaps between them copies all keys and values first.

    `span` is the number of tokens that a slot spans at first; None for `length`, the tokens that fit in a row.
    """

    is_compileable = False

    def __init__(self, n_layers: int, *, slots: int, length: int, span: int | None = None) -> None:
        self.slots, self.length = slots, length
        self.span = length if span is None else min(span, length)
        self.keys: list[Tensor | None] = [None] * n_layers
        self.values: list[Tensor | None] = [None] * n_layers
        self._shape = (0, 0)
        self._spare: Tensor | None = None
        self._views: list[tuple[Tensor, Tensor] | None] = [None] * n_layers
        self._rows = torch.zeros(0, 0, dtype=torch.long)
        self._positions = torch.zeros(0, dtype=torch.long)

    def inputs(
        self, tokens: Int[Tensor, "n q"], positions: Int[Tensor, "n q"], *, horizon: int, dtype: torch.dtype
    ) -> dict[str, Any]:
        """The arguments of a forward pass that reads tokens into this cache.

        Token [i, j] goes to `positions[i, j]` of slot i. Attention reads `span` keys, at least `horizon`; `dtype` is
        the mask's.
        """
        if not self.span // 2 < horizon <= self.span:
            self._respan(horizon, filled=len(positions))
        self._positions = positions
        if self._rows.shape != positions.shape:
            self._rows = torch.arange(len(positions), device=positions.device).unsqueeze(-1).expand_as(positions)
        return {
            "input_ids": tokens,
            "position_ids": positions,
            "attention_mask": causal_mask(positions, horizon=self.span, dtype=dtype),
            "cache": self,
            "use_cache": True,
        }

    def update(
        self, keys: Float[Tensor, "n h q d"], values: Float[Tensor, "n h q d"], layer: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the new keys and values, and return all that the rows may read (Hugging Face's cache protocol)."""
        stored_keys, stored_values = self._storage(layer, like=keys)
        n = len(self._positions)
        stored_keys[self._rows, :, self._positions] = keys.transpose(1, 2)
        stored_values[self._rows, :, self._positions] = values.transpose(1, 2)
        return stored_keys[:n], stored_values[:n]

    def _storage(self, layer: int, *, like: Tensor) -> tuple[Tensor, Tensor]:
        views = self._views[layer]
        if views is None:
            keys, values = self.keys[layer], self.values[layer]
            if keys is None or values is None:
                self._shape = (like.shape[1], like.shape[3])
                size = self.slots * self.length * like.shape[1] * like.shape[3]
                keys, values = like.new_zeros(size), like.new_zeros(size)
                self.keys[layer], self.values[layer] = keys, values
            views = self._views[layer] = self._view(keys), self._view(values)
        return views

    def _view(self, stored: Tensor, *, span: int | None = None) -> Float[Tensor, "slots h span d"]:
        heads, width = self._shape
        shape = (self.slots, heads, self.span if span is None else span, width)
        return stored[: shape[0] * shape[1] * shape[2] * shape[3]].view(shape)

    def _respan(self, wanted: int, *, filled: int) -> None:
        """Let every slot span another number of tokens; the first `filled` slots keep what they hold."""
        span = min(round_up(wanted, grid=SPAN_GRID), self.length)
        kept = min(span, self.span)
        for stored in (self.keys, self.values):
            for layer, old in enumerate(stored):
                if old is None:
                    continue
                new = torch.zeros_like(old) if self._spare is None else self._spare
                # What has not been written yet is read too, with weight 0: it must be finite.
                self._view(new, span=span)[:, :, kept:] = 0
                self._view(new, span=span)[:filled, :, :kept] = self._view(old)[:filled, :, :kept]
                stored[layer], self._spare = new, old
        self.span = span
        self._views = [None] * len(self._views)

    def get_seq_length(self, *_: Any) -> int:
        """Part of Hugging Face's protocol; rows differ, and their positions are always given explicitly."""
        return 0

    def read(self, slot: int, *, length: int) -> list[tuple[Tensor, Tensor]]:
        """Copy the first `length` keys and values of a slot, one pair per layer."""
        return [(keys[slot, :, :length].clone(), values[slot, :, :length].clone()) for keys, values in self._filled()]

    def write(self, slot: int, stored: list[tuple[Tensor, Tensor]], *, length: int, first_layer: int = 0) -> None:
        """Put the first `length` stored keys and values at the start of a slot, from a layer upwards."""
        if length > self.span:
            self._respan(length, filled=slot)
        for layer in range(first_layer, len(stored)):
            keys, values = stored[layer]
            here_keys, here_values = self._storage(layer, like=keys.unsqueeze(0))
            here_keys[slot, :, :length] = keys[:, :length]
            here_values[slot, :, :length] = values[:, :length]

    def move(self, source: int, target: int, *, length: int) -> None:
        """Copy the first `length` keys and values of one slot to another."""
        for keys, values in self._filled():
            keys[target, :, :length] = keys[source, :, :length]
            values[target, :, :length] = values[source, :, :length]

    def reshape(self, *, slots: int, length: int, filled: int) -> None:
        """Make room for longer rows, in another number of slots; the first `filled` slots keep what they hold."""
        old = [[None if one is None else self._view(one) for one in stored] for stored in (self.keys, self.values)]
        self.slots, self.length, self._spare = slots, length, None
        size = slots * length * self._shape[0] * self._shape[1]
        for stored, before in zip((self.keys, self.values), old, strict=True):
            for layer, held in enumerate(before):
                if held is not None:
                    stored[layer] = new = held.new_zeros(size)
                    self._view(new)[:filled] = held[:filled]
        self._views = [None] * len(self._views)

    def _filled(self) -> list[tuple[Tensor, Tensor]]:
        return [self._storage(layer, like=keys) for layer, keys in enumerate(self.keys) if keys is not None]


def causal_mask(positions: Int[Tensor, "n q"], *, horizon: int, dtype: torch.dtype) -> Float[Tensor, "n 1 q keys"]:
    """Additive mask under which each token sees the keys up to its own position."""
    keys = torch.arange(horizon, device=positions.device)
    hidden = keys > positions.unsqueeze(-1)
    return (
        torch.zeros(hidden.shape, dtype=dtype, device=positions.device)
        .masked_fill_(hidden, torch.finfo(dtype).min)
        .unsqueeze(1)
    )


def grouped_attention(
    module: Any,
    query: Float[Tensor, "n heads q d"],
    key: Float[Tensor, "n kv_heads keys d"],
    value: Float[Tensor, "n kv_heads keys d"],
    attention_mask: Float[Tensor, "n 1 q keys"],
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    product: Callable[[Tensor, Tensor], Tensor] = torch.bmm,
    **_: Any,
) -> tuple[Float[Tensor, "n q heads d"], None]:
    """Attend without copying the shared heads of grouped-query attention (Ainslie et al., arXiv 2305.13245).

    The heads of a group stand below each other in one matrix product; softmax is in float32. `softcap` bounds the
    scores as Gemma 2 does (arXiv 2408.00118). `product` multiplies stacks of matrices.

    Raises:
        InputError: When the model has attention sinks, which would be left out.
    """
    if s_aux is not None:
        raise InputError(
            "the model has attention sinks, which the engine does not support",
            where="config key model.name",
            fix="choose another model",
        )
    n, heads, q, d = query.shape
    shared, horizon = key.shape[1], key.shape[2]
    group = heads // shared
    scale = d**-0.5 if scaling is None else scaling
    stacked = query.reshape(n * shared, group * q, d) * scale
    scores = product(stacked, key.reshape(n * shared, horizon, d).transpose(1, 2))
    scores = scores.view(n, heads, q, horizon)
    if softcap is not None:
        scores = (scores / softcap).tanh() * softcap
    scores = scores + attention_mask
    weights = scores.float().softmax(dim=-1).to(value.dtype)
    mixed = product(weights.view(n * shared, group * q, horizon), value.reshape(n * shared, horizon, d))
    return mixed.view(n, heads, q, d).transpose(1, 2), None


def attention_by_token(
    module: Any, query: Float[Tensor, "n heads q d"], *others: Any, **settings: Any
) -> tuple[Float[Tensor, "n q heads d"], None]:
    """Attend as for tokens that come one by one: matrix products of the same shapes, and so the same bits."""
    settings["product"] = partial(_products_by_token, q=query.shape[2])
    return grouped_attention(module, query, *others, **settings)


def _products_by_token(left: Float[Tensor, "m rows k"], right: Float[Tensor, "m k columns"], *, q: int) -> Tensor:
    """The product of two stacks of matrices, in which each row of `left` is one of q tokens in one of its heads."""
    by_token = left.view(len(left), -1, q, left.shape[-1]).unbind(2)
    return torch.stack([torch.bmm(rows.contiguous(), right) for rows in by_token], dim=2).flatten(1, 2)


ALL_ATTENTION_FUNCTIONS.register(GROUPED, grouped_attention)
ALL_ATTENTION_FUNCTIONS.register(BY_TOKEN, attention_by_token)


@contextmanager
def attention(network: Any, name: str) -> Iterator[None]:
    """Let a network attend by another function, as transformers calls it, for the length of a block."""
    before = network.config._attn_implementation
    try:
        network.config._attn_implementation = name
        yield
    finally:
        network.config._attn_implementation = before
