"""How many workers a run has, and which prompts each of them writes for."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steering_reliability.generation.requests import CompletionRequest


def choose_workers(wanted: int | None, *, device: str, model: Path, memory: int) -> int:
    """The number of workers: what the user wants, else one per GPU, else two on a processor with two cores or more.

    Two workers with half of the cores each wrote a sixth more than one with all of them: while one of them is between
    two matrix products, the other computes. The second copy of the model (a Hugging Face folder) must leave half of the
    memory, in bytes beside the first copy, for the rows.
    """
    if wanted is not None:
        return wanted
    gpus = _visible_gpus() if device in ("auto", "cuda") else 0
    if gpus or device == "mps":
        return max(gpus, 1)
    weights = sum(path.stat().st_size for path in model.glob("*.safetensors"))
    return min(2, len(os.sched_getaffinity(0))) if weights <= memory // 2 else 1


def _visible_gpus(*, driver: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    # Without torch: a client has to start in a moment.
    present = len(list(driver.iterdir())) if driver.is_dir() else 0
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return present
    return min(present, sum(name.strip() not in ("", "-1") for name in chosen.split(",")))


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
