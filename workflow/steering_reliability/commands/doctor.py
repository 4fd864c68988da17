"""What a run will cost and what stands in its way, before anything is paid."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steering_reliability.commands.workload import expected_conditions, workload
from steering_reliability.conditions import SPLITS
from steering_reliability.experiments.command import ROOT
from steering_reliability.job_needs import RUNTIME_MB, weights_mb
from steering_reliability.prompts.check import check_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.provenance import versions
from steering_reliability.run_plan import RunPlan

SLOWEST: Final = 100.0
"""Tokens per second and core of a model of 540 MB in float32 on the slowest processor we measured (AVX2)."""

# Measured on the default run, on two cores: what does not depend on the tokens.
_PREPARING_S: Final = 45.0
_FINISHING_S: Final = 14.0
_CONVERTING_S: Final = 45.0
_SHARD_S: Final = 0.15
# Branches of the refusal propensity, filling and emptying of the batch, clients that start: what a probe does not see.
_FRICTION: Final = 1.15
_BYTES_PER_COMPLETION: Final = 2_500
_BYTES_OF_A_RUN: Final = 6_000_000
_LOWEST: Final = 0.7
_HIGHEST: Final = 1.4


@dataclass(frozen=True)
class Probe:
    """How fast this machine writes.

    Attributes:
        tokens_per_second: Of all cores together, or of the GPU.
        seconds: How long it was watched; 0 where nothing was and the number is a guess from the slowest machine.
    """

    tokens_per_second: float
    seconds: float


def examine(plan: RunPlan, *, seconds: float = 10.0) -> dict[str, Any]:
    """Check prompts, count the work and estimate what it costs here.

    Args:
        plan: The planned run; that it could be planned means that config and model's place are sound.
        seconds: How long to watch the model write; 0 guesses from the slowest machine that was measured.

    Returns:
        `machine`, `versions`, `model`, `plan` and `estimate`, plain data.

    Raises:
        InputError: When a prompt file is unsound.
    """
    data = plan.config.data
    notes = check_prompts(
        {split: data.path(split) for split in SPLITS},
        limit=data.max_prompts_per_split,
        cluster_field=data.cluster_field,
    )
    is_there = Path(plan.model_file).is_file()
    # A tuned model is as fast as the one it is tuned from.
    can_watch = seconds > 0 and Path(plan.base_file).is_file()
    probe = watch(plan, seconds=seconds) if can_watch else guess(plan)
    work = workload(plan)
    return {
        "machine": _machine(Path(plan.folder)),
        "versions": versions(),
        "prompts": {"near_copies": list(notes.near_copies), "unchecked": list(notes.unchecked)},
        "model": {"name": plan.title, "folder": plan.model, "is_there": is_there, "weights_mb": _weights(plan)},
        "plan": {
            "run": plan.folder,
            "layers": plan.layers,
            "conditions": len(expected_conditions(plan)),
            "shards": len(work.shards),
            "shards_done": work.count(is_done=True),
            "completions_left": work.rows(is_done=False),
            "tokens_left": work.rows(is_done=False) * work.max_new_tokens,
        },
        "estimate": _estimate(plan, probe=probe, is_there=is_there),
    }


def prompt_lines(found: Mapping[str, list[str]]) -> Iterator[str]:
    """Say what was checked of the prompts, what could not be, and which are near copies."""
    shift = "the shift is not wholly checked" if found["unchecked"] else "harm_test has styles and templates of its own"
    yield f"prompts   sound, no prompt in two splits, {shift}"
    yield from (f"          {note}" for note in (*found["unchecked"], *found["near_copies"]))


def _machine(folder: Path) -> dict[str, Any]:
    import torch  # noqa: PLC0415 - costs seconds

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "memory_gb": round(memory / 1e9, 1),
        "free_disk_gb": round(shutil.disk_usage(existing).free / 1e9, 1),
    }


def _estimate(plan: RunPlan, *, probe: Probe, is_there: bool) -> dict[str, Any]:
    work = workload(plan)
    tokens = work.rows(is_done=False) * work.max_new_tokens
    seconds = run_seconds(tokens=tokens, shards=work.count(is_done=False), speed=probe.tokens_per_second)
    seconds += 0.0 if is_there else _CONVERTING_S
    workers = plan.config.generation.workers or 2
    memory = workers * (_weights(plan) + RUNTIME_MB) / 1024 + plan.config.generation.memory_gib
    rows = work.rows(is_done=False)
    return {
        "tokens_per_second": round(probe.tokens_per_second),
        "watched_seconds": round(probe.seconds, 1),
        "minutes": round(seconds / 60, 1),
        "minutes_low": round(_LOWEST * seconds / 60, 1),
        "minutes_high": round(_HIGHEST * seconds / 60, 1),
        "memory_gb": round(memory * 1.074, 1),
        "disk_mb": round((_BYTES_OF_A_RUN + _BYTES_PER_COMPLETION * rows) / 1e6),
    }


def _weights(plan: RunPlan) -> int:
    """Of the model, or of the one that it is tuned from while it is not there."""
    return weights_mb(plan.model if Path(plan.model_file).is_file() else plan.base)


def run_seconds(*, tokens: int, shards: int, speed: float) -> float:
    """Time of a run: preparing, writing, gathering; only what is missing is counted.

    Args:
        tokens: Most tokens to write.
        shards: Shards to write.
        speed: Tokens per second that a probe saw.
    """
    if shards == 0:
        return _FINISHING_S
    return _PREPARING_S + _FINISHING_S + _FRICTION * tokens / speed + _SHARD_S * shards


def make_base(plan: RunPlan, *, config: Path) -> bool:
    """Make the base model's folder where it needs no network, so that the model can be watched; the run needs it too.

    Args:
        plan: The planned run.
        config: The file that it was planned from.

    Returns:
        Whether the folder is there now.
    """
    if plan.makes_base and plan.config.model.source != "hub" and not Path(plan.base_file).is_file():
        command = [sys.executable, "-m", "snakemake", "--cores", "all", "--quiet", "all"]
        command += ["--configfile", str(config.resolve()), "--", plan.base_file]
        subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return Path(plan.base_file).is_file()


def guess(plan: RunPlan) -> Probe:
    """The speed of the slowest machine that was measured, for a model that is not there yet."""
    return Probe(SLOWEST * len(os.sched_getaffinity(0)) * 540 / _weights(plan), 0.0)


def watch(plan: RunPlan, *, seconds: float) -> Probe:
    """Let the model write unsteered completions of the run's own prompts for some seconds.

    Args:
        plan: The planned run, whose base model is there.
        seconds: When no further batch is begun.
    """
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - costs seconds

    from steering_reliability.config import GenerationConfig  # noqa: PLC0415
    from steering_reliability.library.generate import generate  # noqa: PLC0415
    from steering_reliability.model import load_model  # noqa: PLC0415

    disable_progress_bar()
    config = plan.config
    model = load_model(plan.base, device=config.model.device, dtype=config.model.dtype)
    asked = _probe_prompts(plan)
    # Several samples stand for several conditions: a prompt is read once for all of them.
    sampling = GenerationConfig(**{**config.generation.model_dump(), "num_samples_per_prompt": 4})
    template: Any = config.model.chat_template
    tokens, start = 0, time.monotonic()
    while tokens == 0 or time.monotonic() - start < seconds:
        done = generate(
            asked, model=model, sampling=sampling, system_prompt=config.model.system_prompt, chat_template=template
        )
        tokens += sum(max(1, one.n_tokens) for one in done)
    elapsed = time.monotonic() - start
    return Probe(tokens / elapsed, elapsed)


def _probe_prompts(plan: RunPlan, *, most: int = 30) -> Sequence[str]:
    texts = []
    for split in SPLITS:
        prompts = read_prompts(Path(plan.config.data.path(split)), split=split)
        texts += [prompt.prompt for prompt in prompts[: most // len(SPLITS)]]
    return texts


def as_lines(found: dict[str, Any]) -> list[str]:
    """The findings as a person reads them."""
    machine, model, plan, cost = found["machine"], found["model"], found["plan"], found["estimate"]
    place = machine["gpu"] or f"{machine['cores']} cores ({machine['cpu_capability']})"
    probed = f"watched for {cost['watched_seconds']:g} s" if cost["watched_seconds"] else "a guess: no model to watch"
    lines = [
        f"machine   {machine['system']}, {place}, {machine['memory_gb']:g} GB memory, "
        f"{machine['free_disk_gb']:g} GB disk free",
        "versions  " + ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        f"model     {model['name']} in {model['folder']}" + ("" if model["is_there"] else " (made by the first run)"),
        *prompt_lines(found["prompts"]),
        "config    sound",
        f"plan      {plan['conditions']} conditions at layers {', '.join(map(str, plan['layers']))}; "
        f"{plan['shards_done']} of {plan['shards']} shards are there",
        f"to write  {plan['completions_left']:,} completions, at most {plan['tokens_left']:,} tokens",
        f"speed     {cost['tokens_per_second']:,} tokens/s ({probed})",
        f"time      about {cost['minutes']:g} minutes ({cost['minutes_low']:g} to {cost['minutes_high']:g})",
        f"memory    up to {cost['memory_gb']:g} GB",
        f"disk      about {cost['disk_mb']} MB",
    ]
    if cost["memory_gb"] > machine["memory_gb"]:
        lines.append("WARNING   that is more memory than there is: lower generation.memory_gib or set workers to 1")
    if cost["disk_mb"] > 1000 * machine["free_disk_gb"]:
        lines.append("WARNING   that is more disk than is free")
    return lines
