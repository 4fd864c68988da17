"""How many workers a run has, and which prompts each of them writes for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.generation.requests import CompletionRequest
from steering_reliability.process.system import cores, visible_gpus


def choose_workers(wanted: int | None, *, device: str, model: Path, memory: int) -> int:
    """The number of workers: what the user wants, else one per GPU, else two on a processor with two cores or more.

    Two workers with half of the cores each wrote a sixth more than one with all of them: while one of them is between
    two matrix products, the other computes. The second copy of the model (a Hugging Face folder) must leave half of the
    memory, in bytes beside the first copy, for the rows.
    """
    if wanted is not None:
        return wanted
    gpus = visible_gpus() if device in ("auto", "cuda") else 0
    if gpus or device == "mps":
        return max(gpus, 1)
    weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    return min(2, cores()) if weights <= memory // 2 else 1


def choose_served(wanted: int | None, *, group: int) -> int:
    """The number of workers with vLLM: one for each group of GPUs that share a copy of the model, else one.

    Raises:
        InputError: When there are GPUs, but not enough for the groups.
    """
    gpus = visible_gpus()
    most = gpus // group if gpus else 1
    if gpus and (wanted or 1) > most:
        what = f"{gpus} GPUs are visible, too few for {wanted or 1} engine(s) of {group}"
        fix = "lower tensor_parallel_size or generation.workers, or ask for more GPUs"
        raise InputError(what, where="config key generation.vllm.tensor_parallel_size", fix=fix)
    return wanted or most


def split(request: CompletionRequest, *, workers: int) -> list[CompletionRequest]:
    """One request per worker: prompts in turn, so that every condition of a prompt is written where it was read."""
    return [replace(request, prompts=request.prompts[number::workers]) for number in range(workers)]


def merge(answers: Sequence[Sequence[dict[str, Any]]], *, samples: int) -> list[dict[str, Any]]:
    """Put the rows of all workers, each in the order of its prompts, back into the order of the request."""
    workers = len(answers)
    prompts = sum(len(rows) for rows in answers) // samples
    merged: list[dict[str, Any]] = []
    for prompt in range(prompts):
        start = prompt // workers * samples
        merged += answers[prompt % workers][start : start + samples]
    return merged
