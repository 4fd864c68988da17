"""One shard: the completions of one condition on one split, written by the workers and stored whole."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from steering_reliability.files import atomic_write
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.process.ledger import record_making
from steering_reliability.vllm_engine.installed import need_vllm
from steering_reliability.worker.client import request_completions
from steering_reliability.worker.pool import choose_served, choose_workers
from steering_reliability.worker.protocol import VllmStart, WorkerIdentity


def write_shard(
    output: str | Path,
    *,
    prompts: str | Path,
    split: str,
    seed: int,
    settings: Mapping[str, Any],
    worker: WorkerIdentity,
    worker_log: Path,
    direction: str | None = None,
    steering: SteeringRequest | None = None,
    limit: int | None = None,
) -> None:
    """Write the completions of one condition on one split; what they were computed with goes to the job's log.

    The prompts are the first `limit` prepared ones of the split, `settings` the fields of `CompletionRequest` that the
    config decides. For the baseline, `direction` (its name) and `steering` are None.

    Raises:
        InputError: When the worker refuses.
        WorkerDied: When it ended without an answer.
    """
    given = [json.loads(line) for line in Path(prompts).read_text(encoding="utf-8").splitlines()[:limit]]
    numbered = [(prompt["id"], prompt["prompt"]) for prompt in given]
    request = CompletionRequest(prompts=numbered, seed=seed, steering=steering, **settings)
    answers = iter(request_completions(request, worker=worker, log=worker_log, record=record_making))
    condition: dict[str, Any] = {"direction": direction, "intervention": None, "layer": None, "alpha": 0.0}
    if steering is not None:
        condition |= {"intervention": steering.intervention, "layer": steering.layer, "alpha": steering.alpha}
    condition["seed"] = seed
    with atomic_write(Path(output)) as scratch, scratch.open("w", encoding="utf-8", newline="\n") as file:
        for prompt_id, text in numbered:
            for sample in range(request.samples):
                row = {"id": prompt_id, "split": split, "sample": sample, "prompt": text, **next(answers), **condition}
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def worker_identity(
    model_file: str | Path, numbers: Mapping[str, Any], *, resources: Mapping[str, Any], code: str
) -> WorkerIdentity:
    """The worker that serves this run: same model, same number format, same code, same Snakemake process.

    `numbers` holds `device`, `dtype`, `hook_point`, and with vLLM its `tensor_parallel_size` and `enforce_eager`;
    `resources` those of `worker_resources`, with 0 `workers` their number is chosen here; `code` is the digest of the
    worker's code as it was when the run began.
    """
    folder = Path(model_file).resolve().parent
    identity = WorkerIdentity(
        folder=str(folder),
        device=numbers["device"],
        dtype=numbers["dtype"],
        hook_point=numbers["hook_point"],
        max_rows=int(resources["rows"]),
        memory_mb=int(resources["worker_mb"]),
        owner=int(os.environ["STEERING_OWNER"]),
        code=code,
    )
    wanted = int(resources["workers"]) or None
    if "vllm" in numbers:
        start = VllmStart(
            python=need_vllm().python,
            tensor_parallel_size=numbers["tensor_parallel_size"],
            gpu_memory_utilization=int(resources["vllm_permille"]) / 1000,
            max_model_len=int(resources["vllm_context"]) or None,
            enforce_eager=numbers["enforce_eager"],
        )
        return replace(identity, vllm=start, of=choose_served(wanted, group=start.tensor_parallel_size))
    memory = identity.memory_mb << 20
    return replace(identity, of=choose_workers(wanted, device=identity.device, model=folder, memory=memory))
