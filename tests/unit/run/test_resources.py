"""What jobs ask a cluster for, by hand."""

import pytest
from steering_reliability.run.resources import (
    CLIENT_MB,
    RUNTIME_MB,
    UNKNOWN_WEIGHTS_MB,
    activations_mb,
    count_prompts,
    shard_mb,
    shard_minutes,
    weights_mb,
)


def test_weights_are_what_lies_in_the_folder(tmp_path):
    assert weights_mb(tmp_path) == UNKNOWN_WEIGHTS_MB
    for name, size in (
        ("model-1.safetensors", 3 << 20),
        ("model-2.safetensors", (1 << 20) + 1),
        ("other.bin", 9 << 20),
    ):
        (tmp_path / name).write_bytes(b"\0" * size)
    assert weights_mb(tmp_path) == 5


@pytest.mark.parametrize("in_flight", [1, 2, 5, 16])
def test_all_that_are_in_flight_ask_for_their_worker_together(in_flight):
    one = shard_mb(weights=540, memory_gib=3.0, in_flight=in_flight, attempt=1)
    worker = 2 * (540 + RUNTIME_MB) + 3072
    assert worker <= in_flight * (one - CLIENT_MB) < worker + in_flight


def test_a_retry_asks_for_more():
    asked = {"weights": 540, "memory_gib": 3.0, "in_flight": 5}
    assert shard_mb(**asked, attempt=3) == 3 * shard_mb(**asked, attempt=1)
    assert activations_mb(weights=540, attempt=2) == 2 * (RUNTIME_MB + 1080 + 1000)


def test_time_follows_tokens_and_weights():
    # 150 completions of 80 tokens at 100 a second are 120 s; three times that is 6 minutes.
    asked = {"rows": 150, "new_tokens": 80, "device": "cpu"}
    assert shard_minutes(**asked, weights=540, attempt=1) == 6
    assert shard_minutes(**asked, weights=5400, attempt=1) == 60
    assert shard_minutes(**asked, weights=5400, attempt=2) == 120
    assert shard_minutes(**(asked | {"device": "cuda"}), weights=540, attempt=1) == 2
    assert shard_minutes(rows=1, new_tokens=1, device="cpu", weights=1, attempt=1) == 2


@pytest.mark.parametrize(("limit", "n"), [(None, 3), (2, 2), (9, 3)])
def test_blank_lines_are_no_prompts(tmp_path, limit, n):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"id": 1}\n\n{"id": 2}\n{"id": 3}\n', encoding="utf-8")
    assert count_prompts(path, limit=limit) == n
