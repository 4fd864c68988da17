"""A worker that serves for long needs no more memory than one that has just warmed up."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.worker.client import request_completions, stop_workers
from steering_reliability.worker.protocol import WorkerIdentity
from tiny_model import planted_direction

SHARDS, WARM = 360, 60


@pytest.fixture
def runtime():
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="sr-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        # The worker inherits it: two threads over matrices this small wait for each other where others compute.
        os.sched_setaffinity(0, {max(cores)})
        try:
            yield Path(folder)
        finally:
            os.sched_setaffinity(0, cores)


def resident_kib(worker: WorkerIdentity) -> int:
    pid = worker.socket_path().with_suffix(".pid").read_text(encoding="utf-8").split()[0]
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_memory_stays_flat_over_hundreds_of_shards(runtime, tiny_folder):
    write_direction(runtime / "layer_1.pt", StoredDirection(planted_direction(), 1.0, 2.5, {"layer": 1}))
    worker = WorkerIdentity(str(tiny_folder), "cpu", "float32", "resid_post", 32, 16, os.getpid(), "memory")
    sizes = []
    try:
        for shard in range(SHARDS):
            # New prompts each time: with 16 MiB the store of prompts is full before the warm-up ends, and must let go.
            prompts = [[f"p{shard}_{at}", f"water number {shard} and {at}, " + "step " * 20] for at in range(6)]
            request_completions(
                {
                    "prompts": prompts,
                    "seed": shard,
                    "samples": 1,
                    "max_new_tokens": 8,
                    "temperature": 0.7,
                    "top_p": 0.95,
                    "system_prompt": None,
                    "chat_template": "auto",
                    "positions": "after_prompt",
                    "openings": ["I'm sorry", "Sure"],
                    "steering": {
                        "direction": str(runtime / "layer_1.pt"),
                        "intervention": "add",
                        "layer": 1,
                        "alpha": 0.1 * (shard % 7),
                        "alpha_unit": "resid_norm",
                    },
                },
                worker=worker,
                log=runtime / "worker.log",
            )
            sizes.append(resident_kib(worker))
    finally:
        stop_workers(os.getpid())
    served = np.arange(WARM, SHARDS)
    per_shard = np.polyfit(served, np.array(sizes[WARM:], dtype=float), deg=1)[0]
    print(f"{per_shard:.2f} KiB per shard, {sizes[WARM]} to {sizes[-1]} KiB")
    # Over 3,000 shards this would still be less than 60 MiB.
    assert per_shard < 20
