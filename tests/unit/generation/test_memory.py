"""A worker keeps within its memory, and a batch that finds none is halved without a change in any byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from some_rows import PROMPTS, everything, make_row
from steering_reliability.errors import InputError
from steering_reliability.generation import memory
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.memory import is_out_of_memory, memory_budget

TESTS = Path(__file__).parents[2]


def test_the_budget_is_what_the_user_allows_or_most_of_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    assert memory_budget(500, device=torch.device("cpu")) == 500
    assert memory_budget(5000, device=torch.device("cpu")) == 800


def test_an_error_of_torch_is_told_from_a_want_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2) @ torch.zeros(3)
    assert not is_out_of_memory(caught.value)
    # As a Mac's GPU says it.
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8.97 GB, max allowed: 9.07 GB)."))


def test_longer_rows_leave_room_for_fewer(tiny_model):
    # Nine tenths of the memory for 16 rows of 96 tokens is not enough for 16 of 128, whose grid step is 8 rows.
    engine = Engine(tiny_model, hook_point="resid_post", max_rows=64, memory=16 * 96 * tiny_model.token_bytes * 10 // 6)
    assert engine.batch.cache.slots == 24
    assert engine.batch.has_room(64)
    short = [make_row(tiny_model, f"Say {n}.", key=n, new_tokens=8) for n in range(30)]
    long = [make_row(tiny_model, "word " * 80, key=("long", n), new_tokens=60 + n, temperature=1.0) for n in range(12)]
    found = engine.generate([*short, *long])
    # Prompts and completions of up to 512 bytes need the narrowest batch.
    assert engine.batch.cache.slots == 8
    calm = Engine(tiny_model, hook_point="resid_post", max_rows=64).generate([*short, *long])
    assert [everything(completion) for completion in found] == [everything(completion) for completion in calm]


STARVED = """
import json, resource, sys, warnings
import psutil, torch
torch.set_num_threads(1)
from some_rows import everything, make_row
from steering_reliability.generation.engine import Engine
from steering_reliability.model.loading import load_model

model = load_model(sys.argv[1], device="cpu", dtype="float32")
rows = [make_row(model, f"Tell me about {n}. " * 6, key=n, new_tokens=6, temperature=0.9, layer=n % 3, add=1.0,
                 openings=((5, 7, 9), (4,)))
        for n in range(60)]
calm = Engine(model, hook_point="resid_post", max_rows=32)
expected = [everything(done) for done in calm.generate(rows)]
del calm
engine = Engine(model, hook_point="resid_post", max_rows=4096, memory=1 << 40)
held = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (held + int(sys.argv[2]), -1))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = [everything(done) for done in engine.generate(rows)]
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
told = [str(warning.message) for warning in caught]
print(json.dumps({"same": found == expected, "warnings": told, "slots": engine.batch.slots}))
"""


def test_a_batch_that_finds_no_memory_is_halved_and_writes_the_same(tiny_folder):
    # 4,096 rows of 128 tokens would take 201 MB.
    folders = (TESTS.parent / "workflow", TESTS, TESTS / "unit" / "generation")
    path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", STARVED, str(tiny_folder), str(100 << 20)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["same"]
    assert 1 <= len(facts["warnings"]) <= 4
    assert facts["warnings"][0].startswith("out of memory with 4096 rows")
    assert facts["warnings"][0].endswith("going on with 2048")
    assert 8 <= facts["slots"] < 4096


def test_without_memory_for_eight_rows_the_error_says_what_to_do(tiny_model, monkeypatch):
    engine = Engine(tiny_model, hook_point="resid_post", max_rows=8)
    engine.submit([make_row(tiny_model, PROMPTS[0])])
    monkeypatch.setattr(engine.batch.cache, "update", lambda *_, **__: torch.empty(1 << 60))
    with pytest.raises(InputError, match="not enough memory to write 8 completions at once") as caught:
        engine.step()
    assert "smaller model" in caught.value.fix
