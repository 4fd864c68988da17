"""What jobs request of a cluster, by hand."""

import shutil

import pytest
import yaml
from steering_reliability.run.plan import RunPlan, plan_run
from steering_reliability.run.resources import (
    CLIENT_MB,
    RUNTIME_MB,
    UNKNOWN_WEIGHTS_MB,
    activations_mb,
    count_prompts,
    gpu_resources,
    shard_mb,
    shard_minutes,
    weights_mb,
    worker_resources,
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


@pytest.fixture
def plan_of(config, tmp_path):
    """Return a function that plans a run of 150 prompts a split and 80 tokens, with weights of so many MiB."""
    settings = yaml.safe_load(config.read_text())

    def plan(weights: int, *, device: str = "cpu", **generation: object) -> RunPlan:
        folder = shutil.copytree(
            settings["model"]["source"], tmp_path / f"{weights}_{device}_{generation.get('engine')}"
        )
        with (folder / "model.safetensors").open("wb") as file:
            file.truncate(weights << 20)
        changes = {
            "model": {"name": "tiny", "source": str(folder), "device": device},
            "data": {"max_prompts_per_split": 150},
            "generation": {"max_new_tokens": 80, "memory_gib": 3.0} | generation,
        }
        return plan_run(settings | changes)

    return plan


@pytest.mark.parametrize("in_flight", [1, 2, 5, 16])
def test_all_that_are_in_flight_request_the_memory_of_their_worker_together(in_flight, plan_of):
    plan = plan_of(540)
    one = shard_mb(plan, in_flight=in_flight, attempt=1)
    worker = 2 * (540 + RUNTIME_MB) + 3072
    assert worker <= in_flight * (one - CLIENT_MB) < worker + in_flight
    assert shard_mb(plan, in_flight=in_flight, attempt=3) == 3 * one


def test_time_and_memory_follow_tokens_and_weights(plan_of):
    # 150 completions of 80 tokens at 100 a second are 120 s; three times that is 6 minutes.
    small, large = plan_of(540), plan_of(5400)
    assert shard_minutes(small, split="benign", attempt=1) == 6
    assert shard_minutes(large, split="benign", attempt=1) == 60
    assert shard_minutes(large, split="benign", attempt=2) == 120
    assert shard_minutes(plan_of(540, device="cuda"), split="benign", attempt=1) == 2
    # Activations need two copies of the weights.
    assert activations_mb(small, attempt=2) == 2 * (RUNTIME_MB + 1080 + 1000)


def test_the_gpus_of_a_job_follow_from_the_config(plan_of):
    vllm = {"tensor_parallel_size": 4, "gpu_memory_utilization": 0.85, "max_model_len": 4096}
    served = plan_of(1, device="cuda", engine="vllm", vllm=vllm)
    assert gpu_resources(served) == {"gres": "gpu:4"}
    # The engine of this package runs on one GPU, whatever is said of vLLM.
    assert gpu_resources(plan_of(1, device="cuda", engine="bridge", vllm=vllm)) == {"gres": "gpu:1"}
    assert gpu_resources(plan_of(1)) == {}
    sizes = {"rows": 240, "worker_mb": 3072, "workers": 0}
    assert worker_resources(plan_of(2)) == sizes
    assert worker_resources(served) == sizes | {"vllm_permille": 850, "vllm_context": 4096}


@pytest.mark.parametrize(("limit", "n"), [(None, 3), (2, 2), (9, 3)])
def test_blank_lines_are_no_prompts(tmp_path, limit, n):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"id": 1}\n\n{"id": 2}\n{"id": 3}\n', encoding="utf-8")
    assert count_prompts(path, limit=limit) == n
