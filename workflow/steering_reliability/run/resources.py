"""What a cluster must give to the jobs that cost: memory and time, from the model and the size of a shard."""

import math
from functools import cache
from pathlib import Path
from typing import Final

from steering_reliability.run.plan import RunPlan

CLIENT_MB: Final = 150
"""A client waits: Python without torch (measured: 60 to 90 MB)."""

RUNTIME_MB: Final = 900
"""Python, torch and transformers of one worker, without weights (measured: 600 to 800 MB)."""

UNKNOWN_WEIGHTS_MB: Final = 2000
"""Requested for a model that has not been fetched yet."""

_TOKENS_PER_SECOND: Final = {"cpu": 100.0, "cuda": 5000.0}
"""Per core and per GPU, for a model of 540 MB (135M parameters in float32). The CPU's is the slowest that was measured
(AVX2, float32, completions scored); the GPU's is a guess on the safe side."""

_MEASURED_ON_MB: Final = 540
_SLACK: Final = 3


def weights_mb(folder: str | Path) -> int:
    """Size of a model's safetensors, or a guess while they are not there."""
    try:
        return _found_mb(folder)
    except FileNotFoundError:
        return UNKNOWN_WEIGHTS_MB


@cache
def _found_mb(folder: str | Path) -> int:
    # Every job asks. An error is not cached, so that a model which comes later is seen.
    found = sum(path.stat().st_size for path in Path(folder).glob("*.safetensors"))
    if found == 0:
        raise FileNotFoundError(folder)
    return math.ceil(found / 2**20)


def shard_mb(plan: RunPlan, *, in_flight: int | None, attempt: int) -> int:
    """Memory of one shard (MiB), so that the `in_flight` shards that share a worker request its memory together."""
    # Two copies: a run may have two workers, and a half-precision model is read as float32 on a CPU.
    worker = 2 * (weights_mb(plan.model) + RUNTIME_MB) + 1024 * plan.config.generation.memory_gib
    return attempt * (CLIENT_MB + math.ceil(worker / (in_flight or 1)))


def shard_minutes(plan: RunPlan, *, split: str, attempt: int) -> int:
    """Time for as many shards of a split as are in flight, with a core each (or one GPU)."""
    generation = plan.config.generation
    prompts = count_prompts(Path(plan.prompt_file(split)), limit=plan.config.data.max_prompts_per_split)
    tokens = prompts * generation.num_samples_per_prompt * generation.max_new_tokens
    per_second = _TOKENS_PER_SECOND["cuda" if plan.config.model.device == "cuda" else "cpu"]
    seconds = tokens / per_second * weights_mb(plan.model) / _MEASURED_ON_MB
    return attempt * max(2, math.ceil(_SLACK * seconds / 60))


def worker_resources(plan: RunPlan) -> dict[str, int]:
    """How large a worker may be: what changes the speed of a shard and never its rows, as resources of its rule."""
    generation = plan.config.generation
    sizes = {
        "rows": generation.batch_size,
        "worker_mb": int(1024 * generation.memory_gib),
        "workers": generation.workers or 0,
    }
    if generation.is_served:
        # Whole numbers: Snakemake would take others for expressions.
        sizes["vllm_permille"] = round(1000 * generation.vllm.gpu_memory_utilization)
        sizes["vllm_context"] = generation.vllm.max_model_len or 0
    return sizes


def gpu_resources(plan: RunPlan) -> dict[str, str]:
    """The GPUs of a job that holds the model, as SLURM takes them; nothing where the config asks for none."""
    if plan.config.model.device != "cuda":
        return {}
    generation = plan.config.generation
    # A string, because numbers are summed over the shards of a job.
    return {"gres": f"gpu:{generation.vllm.tensor_parallel_size if generation.is_served else 1}"}


def activations_mb(plan: RunPlan, *, attempt: int) -> int:
    """Memory to read the residual stream: the model, and the activations of a batch."""
    return attempt * (RUNTIME_MB + 2 * weights_mb(plan.model) + 1000)


@cache
def count_prompts(path: Path, *, limit: int | None) -> int:
    """Prompts of a JSON Lines file that a run uses, at most `limit`."""
    lines = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
    return lines if limit is None else min(lines, limit)
