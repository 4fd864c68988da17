"""The rows of a shard, with the workers' answers given."""

import json
import os
from pathlib import Path

import pytest
from steering_reliability.errors import InputError
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.vllm_engine.installed import Installed
from steering_reliability.worker import write_shard as module
from steering_reliability.worker.protocol import VllmStart, identity_from_json
from steering_reliability.worker.write_shard import worker_identity, write_shard

SETTINGS = {"max_new_tokens": 12, "temperature": 0.8, "top_p": 0.95, "samples": 2, "positions": "after_prompt"}
STEERED = {"direction": "contrastive_prefix", "steering": SteeringRequest("add", "0-1", 0.5, (0, 1))}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a shard of three prompts; returns its rows and the request."""
    lines = [json.dumps({"id": f"benign_{at}", "prompt": f"Say {at} – ü"}, ensure_ascii=False) for at in range(3)]
    (tmp_path / "benign.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sent: list[CompletionRequest] = []

    def answer(request, **_):
        sent.append(request)
        if request.max_new_tokens > 500:
            raise InputError("too long for the context", where="w", fix="f")
        return [{"completion": f"{text} {sample}"} for _, text in request.prompts for sample in range(request.samples)]

    monkeypatch.setattr(module, "request_completions", answer)

    def write(**changes) -> tuple[list[dict], CompletionRequest]:
        given = {"split": "benign", "seed": 3, "settings": SETTINGS, "worker": None, "worker_log": tmp_path / "w.log"}
        write_shard(tmp_path / "deep" / "out.jsonl", prompts=tmp_path / "benign.jsonl", **(given | changes))
        written = (tmp_path / "deep" / "out.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in written.splitlines()], sent[-1]

    return write


def test_a_steered_shard_names_its_condition(write):
    rows, request = write(limit=2, settings=SETTINGS | {"is_scored": False}, **STEERED)
    assert [(row["id"], row["sample"]) for row in rows] == [(f"benign_{at // 2}", at % 2) for at in range(4)]
    assert rows[3] == {
        **{"id": "benign_1", "split": "benign", "sample": 1, "prompt": "Say 1 – ü", "completion": "Say 1 – ü 1"},
        **{"direction": "contrastive_prefix", "intervention": "add", "layer": "0-1", "alpha": 0.5, "seed": 3},
    }
    assert list(rows[3])[-5:] == ["direction", "intervention", "layer", "alpha", "seed"]
    assert (request.steering, request.is_scored, request.seed) == (STEERED["steering"], False, 3)


def test_a_baseline_shard_names_no_direction(write):
    rows, request = write()
    assert len(rows) == 6
    assert request.steering is None
    assert {(row["direction"], row["intervention"], row["layer"], row["alpha"]) for row in rows} == {
        (None, None, None, 0.0)
    }


def test_a_refused_shard_leaves_nothing_behind(write, tmp_path):
    with pytest.raises(InputError, match="context"):
        write(settings=SETTINGS | {"max_new_tokens": 600})
    assert not list(tmp_path.glob("deep/*"))


def test_a_run_has_one_identity(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_OWNER", str(os.getpid()))
    numbers = {"device": "cpu", "dtype": "float32", "hook_point": "resid_post"}
    resources = {"rows": 64, "worker_mb": 512, "workers": 2}
    found = worker_identity(tmp_path / "config.json", numbers, resources=resources, code="c0de")
    assert (Path(found.folder), found.owner, found.of) == (tmp_path, os.getpid(), 2)
    assert found.vllm is None


def test_a_run_with_vllm_has_a_worker_in_its_python(tmp_path, monkeypatch):
    monkeypatch.setenv("STEERING_OWNER", str(os.getpid()))
    python = Installed("/there/bin/python", "0.30.0", "GPU")
    monkeypatch.setattr("steering_reliability.worker.write_shard.need_vllm", lambda: python)
    numbers = {"device": "cuda", "dtype": "auto", "hook_point": "resid_post", "vllm": "0.30.0"}
    numbers |= {"tensor_parallel_size": 2, "enforce_eager": True}
    resources = {"rows": 64, "worker_mb": 512, "workers": 3, "vllm_permille": 850, "vllm_context": 0}
    found = worker_identity(tmp_path / "config.json", numbers, resources=resources, code="c0de")
    assert found.vllm == VllmStart("/there/bin/python", 2, 0.85, None, True)
    assert (found.of, identity_from_json(found.as_json())) == (3, found)
