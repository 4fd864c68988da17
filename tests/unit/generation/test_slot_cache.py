"""Keys and values of rows that stand at different positions, and the attention that reads them."""

import pytest
import torch
from steering_reliability.errors import InputError
from steering_reliability.generation.slot_cache import SlotCache, grouped_attention


def numbered(rows: int, tokens: int, *, start: float = 0.0) -> torch.Tensor:
    """Distinct keys [rows, 2 heads, tokens, 3 dimensions]."""
    return torch.arange(rows * 2 * tokens * 3, dtype=torch.float32).view(rows, 2, tokens, 3) + start


def place(cache: SlotCache, positions: torch.Tensor, *, horizon: int) -> int:
    """Say where the next tokens go; returns the number of keys that attention reads."""
    return cache.inputs(positions, positions, horizon=horizon, dtype=torch.float32)["attention_mask"].shape[-1]


def test_attention_sinks_are_refused():
    one = torch.ones(1, 1, 1, 1)
    with pytest.raises(InputError, match="attention sinks"):
        grouped_attention(None, one, one, one, torch.zeros(1, 1, 1, 1), s_aux=torch.zeros(1))


def test_rows_are_read_written_moved_and_given_more_room():
    cache = SlotCache(2, slots=8, length=16)
    place(cache, torch.arange(4).expand(2, 4), horizon=8)
    for layer in range(2):
        cache.update(numbered(2, 4, start=100.0 * layer), -numbered(2, 4), layer)
    stored = cache.read(1, length=3)
    assert torch.equal(stored[1][0], numbered(2, 4, start=100.0)[1, :, :3])
    cache.write(5, stored, length=2, first_layer=1)
    lower, upper = cache.read(5, length=4)
    assert lower[0].abs().sum() == upper[0][:, 2:].abs().sum() == 0
    assert torch.equal(upper[1][:, :2], -numbered(2, 4)[1, :, :2])
    cache.move(1, 0, length=4)
    cache.reshape(slots=4, length=32, filled=2)
    assert place(cache, torch.tensor([[4], [4]]), horizon=32) == 32
    (keys, values), _ = cache.read(0, length=32)
    assert torch.equal(keys[:, :4], numbered(2, 4)[1])
    assert torch.equal(values, -keys)


@pytest.mark.parametrize(
    ("span", "horizon", "read"), [(16, 16, 16), (16, 17, 32), (16, 40, 40), (40, 21, 40), (40, 20, 32)]
)
def test_slots_span_what_is_read_and_lie_close_together(span, horizon, read):
    cache = SlotCache(1, slots=8, length=40, span=span)
    assert place(cache, torch.tensor([[0], [5]]), horizon=horizon) == read
    keys, values = cache.update(numbered(2, 1), -numbered(2, 1), 0)
    assert keys.shape == values.shape == (2, 2, read, 3)
    assert keys.is_contiguous() and values.is_contiguous()


def test_a_wider_span_keeps_what_the_rows_hold_and_adds_zeros():
    cache = SlotCache(3, slots=8, length=64, span=16)
    place(cache, torch.arange(16).expand(2, 16), horizon=16)
    for layer in range(3):
        cache.update(numbered(2, 16, start=100.0 * layer), -numbered(2, 16, start=100.0 * layer), layer)
    for horizon in (48, 64, 16):
        place(cache, torch.arange(2).unsqueeze(-1), horizon=horizon)
        for layer in range(3):
            for row in range(2):
                keys, values = cache.read(row, length=horizon)[layer]
                assert torch.equal(keys[:, :16], numbered(2, 16, start=100.0 * layer)[row])
                assert torch.equal(values, -keys)
                assert keys[:, 16:].abs().sum() == 0
    # One spare storage serves all layers.
    storages = {stored.data_ptr() for stored in (*cache.keys, *cache.values, cache._spare)}
    assert len(storages) == 7
