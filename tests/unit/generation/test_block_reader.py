"""A prompt that is read in blocks leaves, to the bit, the keys and values of one that is read token by token."""

import pytest
import torch
from some_rows import everything, make_row
from steering_reliability.generation import block_reader, engine
from steering_reliability.generation.block_reader import BLOCK, BlockReader, spans_a_block
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.rows import Row
from steering_reliability.model.loading import LoadedModel

LONG = "A tale of a fox, a hare and a field of oats that nobody had mown. " * 5


@pytest.fixture
def read_by_token(monkeypatch):
    """Call it, and no prompt is long enough for a block from then on."""
    return lambda: monkeypatch.setattr(engine, "spans_a_block", lambda tokens, *, known: False)


def assert_blocks_change_no_bit(model: LoadedModel, *, n: int, read_by_token) -> None:
    tokens = tuple(torch.randint(5, 250, (n,), generator=torch.Generator().manual_seed(0)).tolist())
    reader = BlockReader(model, tokens=tokens, known=None, shared=0)
    while not reader.is_done:
        reader.step()
    assert reader.position == (n - 1) // BLOCK * BLOCK > 0
    read_by_token()
    slow = Engine(model, hook_point="resid_post", max_rows=8)
    slow.generate([Row(0, tokens, (0.5,), 1, 0.0, 1.0)])
    state = slow.store.get(tokens)
    assert len(state.stored) == model.n_layers
    for (keys, values), (block_keys, block_values) in zip(state.stored, reader.stored(), strict=True):
        assert torch.equal(keys[:, : reader.position], block_keys)
        assert torch.equal(values[:, : reader.position], block_values)


def test_a_block_fits_before_the_last_token():
    assert not spans_a_block(tuple(range(BLOCK)), known=0)
    assert spans_a_block(tuple(range(BLOCK + 1)), known=0)
    assert not spans_a_block(tuple(range(BLOCK + 1)), known=1)


def test_blocks_of_the_tiny_model_change_no_bit(tiny_model, read_by_token):
    assert_blocks_change_no_bit(tiny_model, n=3 * BLOCK + 5, read_by_token=read_by_token)


@pytest.mark.real_model
def test_blocks_of_the_real_model_change_no_bit(real_blocks, read_by_token):
    assert_blocks_change_no_bit(real_blocks, n=BLOCK + 2, read_by_token=read_by_token)


def test_completions_after_long_prompts_that_begin_alike_are_those_of_reading_by_token(
    tiny_model, read_by_token, monkeypatch
):
    rows = [
        make_row(tiny_model, LONG[: 60 * n] + f"And {n}?", key=(n, positions, at), positions=positions, **kind)
        for n in (5, 1, 3)
        for positions in ("after_prompt", "generated", "all")
        for at, kind in enumerate([{}, {"layer": 1, "add": 3.0, "temperature": 0.8}])
    ]
    begun = []
    monkeypatch.setattr(engine, "BlockReader", lambda *a, **k: begun.append(k["shared"]) or BlockReader(*a, **k))

    def write(max_rows: int) -> dict:
        done = Engine(tiny_model, hook_point="resid_post", max_rows=max_rows).generate(rows)
        return {completion.row.key: everything(completion) for completion in done}

    by_block = write(8)
    # All but the first go on from what they share with another: their template, and more.
    assert begun[0] == 0
    assert 0 < len(begun) <= 3
    assert all(shared > 0 for shared in begun[1:])
    read_by_token()
    assert write(64) == by_block


def test_a_long_prompt_lets_others_write_between_its_blocks(tiny_model, monkeypatch):
    monkeypatch.setattr(block_reader, "BLOCKS_AT_ONCE", 1)
    long, short = make_row(tiny_model, LONG, new_tokens=3), make_row(tiny_model, "Say.", key=1, new_tokens=3)
    writer = Engine(tiny_model, hook_point="resid_post", max_rows=8)
    writer.generate([make_row(tiny_model, "Say.", key=0, new_tokens=1)])
    writer.submit([long, short])
    first = []
    while not first:
        first = writer.step()
    assert [done.row.key for done in first] == [1]
    assert writer._reader is not None
