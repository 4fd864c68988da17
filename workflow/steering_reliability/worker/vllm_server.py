"""A worker whose engine is vLLM; runs in the Python that has it."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from safetensors.torch import save_file

from steering_reliability.generation.memory import memory_budget
from steering_reliability.model.loading import LoadedModel
from steering_reliability.process.system import visible_gpus
from steering_reliability.vllm_engine.engine import VllmEngine
from steering_reliability.vllm_engine.starting import Settings, start_vllm
from steering_reliability.worker.protocol import VllmStart, WorkerIdentity
from steering_reliability.worker.server import Asked, run_worker


def gpus_of(number: int, *, size: int, listed: str | None, n_gpus: int) -> str:
    """The GPUs of one of several workers, as CUDA_VISIBLE_DEVICES takes them.

    `size` is how many each has, `listed` what the variable says now, `n_gpus` how many are visible.
    """
    names = listed.split(",") if listed else [str(at) for at in range(n_gpus)]
    return ",".join(names[number * size : (number + 1) * size])


def _start(identity: WorkerIdentity) -> tuple[VllmEngine, Asked]:
    import torch  # noqa: PLC0415 - after the GPUs are chosen

    wanted = identity.vllm or VllmStart(sys.executable)
    n_gpus = visible_gpus()
    if n_gpus:
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus_of(
            identity.number, size=wanted.tensor_parallel_size, listed=listed, n_gpus=n_gpus
        )
    settings = Settings(
        tensor_parallel_size=wanted.tensor_parallel_size,
        gpu_memory_utilization=wanted.gpu_memory_utilization,
        max_model_len=wanted.max_model_len,
        enforce_eager=wanted.enforce_eager,
        max_rows=identity.max_rows,
        memory=memory_budget(identity.memory_mb << 20, device=torch.device("cpu")) // wanted.tensor_parallel_size,
    )
    served, model = start_vllm(identity.folder, device=identity.device, dtype=identity.dtype, settings=settings)
    print(f"worker {os.getpid()} started: vLLM, {model.facts}", file=sys.stderr, flush=True)
    engine = VllmEngine(served, model, hook_point=identity.hook_point, max_rows=identity.max_rows)
    return engine, lambda message: _read(message, engine=engine, model=model)


def _read(message: Mapping[str, Any], *, engine: VllmEngine, model: LoadedModel) -> dict[str, Any]:
    """Read residual streams into a file of the client's: `texts` with tokens, first and end, and the `output`."""
    streams = engine.read([(tokens, first, end) for tokens, first, end in message["texts"]])
    save_file({"streams": streams.contiguous()}, message["output"])
    return {"facts": model.facts}


if __name__ == "__main__":
    code = 0
    with suppress(SystemExit):
        code = run_worker(sys.argv[1:], _start)
    sys.stdout.flush()
    # Threads that wait for a client must not keep the process, and the C++ libraries complain of an ordinary end.
    os._exit(code)
