"""What a step costs the host does not grow with the rows: operations that reach the dispatcher, and copies."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from bench_steps import SAMPLING, Operations, decoding
from fake_mps import COPIES, MPS, mac_gpu, move
from steering_reliability.model.loading import load_model

# What was asked of three blocks; transformers' own part of it may change with its version.
MOST = {"greedy": 350, "sampled": 400}


@pytest.fixture(scope="module")
def endless(tiny_model):
    return replace(tiny_model, end_tokens=frozenset())


@pytest.mark.parametrize("name", SAMPLING)
def test_as_many_operations_for_many_rows_as_for_eight(endless, name):
    found = []
    for n in (8, 72):
        engine = decoding(endless, n=n, sampling=SAMPLING[name], steps=2)
        with Operations() as operations:
            engine.step()
        assert len(engine.batch.live) == n
        found.append(operations.found)
    assert found[0] == found[1]
    assert found[0].total() <= MOST[name]


@pytest.mark.parametrize("name", SAMPLING)
@pytest.mark.parametrize("n", [8, 24])
def test_a_step_sends_twice_and_fetches_once_whatever_the_number_of_rows(tiny_folder, name, n):
    model = load_model(tiny_folder, device="cpu", dtype="float32")
    move(model.bridge, dtype=torch.float32)
    with mac_gpu():
        on_gpu = replace(model, device=MPS, end_tokens=frozenset())
        engine = decoding(on_gpu, n=n, sampling=SAMPLING[name], steps=2)
        COPIES.clear()
        engine.step()
    assert len(engine.batch.live) == n
    # The stand-in's float64 is the CPU's, so that one copy of two is not seen here.
    assert Counter(COPIES) == {"to the device": 1, "to the host": 1}
