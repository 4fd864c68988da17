"""What a run will cost and what stands in its way, before it starts."""

import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from steering_reliability.commands.probe import LONG_ENOUGH_S, Measurement, measure_speed
from steering_reliability.config.files import study_folder
from steering_reliability.errors import InputError
from steering_reliability.evidence.design_power import (
    power_facts,
    power_lines,
    power_of_plan,
)
from steering_reliability.process.system import cores, total_memory, visible_gpus
from steering_reliability.prompts.check import check_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.prompts.shift import measure_shift, shift_sentence
from steering_reliability.run.plan import RunPlan
from steering_reliability.run.record import versions
from steering_reliability.run.resources import RUNTIME_MB, weights_mb
from steering_reliability.run.snakemake_call import snakemake_command
from steering_reliability.run.workload import expected_conditions, expected_shards, scan_tokens
from steering_reliability.vllm_engine.installed import VARIABLE, VERSION, find_vllm

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


def examine(
    plan: RunPlan, *, files: Callable[[], Sequence[Path]], seconds: float = 20.0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Check prompts, count the work and estimate its cost on this machine, the quick parts first and without torch.

    `files` returns config files that mean the same to Snakemake; it is called where the model's folder has to be made.
    `seconds` limits measuring the speed, the model's loading included; 0 measures nothing.

    Yields:
        `plan`, `prompts`, `power`, `versions`, `engine` (only for vLLM), `preparing` (only where a model's folder is to
        be made now), `machine`, `model` and `estimate`, each with plain data.

    Raises:
        InputError: When a prompt file is unsound, or the model can't be made or loaded.
    """
    work = work_of(plan)
    yield "plan", work
    data = plan.config.data
    paths = {split: data.path(split) for split in SPLITS}
    notes = check_prompts(paths, limit=data.max_prompts_per_split, cluster_field=data.cluster_field)
    # Without those that the scan holds back.
    study = {split: plan.used_prompts(split) for split in SPLITS}
    shift = shift_sentence(measure_shift(study, seed=0))
    yield "prompts", {"near_copies": list(notes.near_copies), "unchecked": list(notes.unchecked), "shift": shift}
    yield "power", power_facts(power_of_plan(plan))
    yield "versions", versions()
    if plan.config.generation.is_served:
        yield "engine", engine_facts(plan)
    if seconds > 0 and can_be_made(plan):
        yield "preparing", {"name": plan.config.model.name, "folder": plan.base}
        make_base(plan, files=files())
    probe = measure(plan, seconds=seconds)
    yield "machine", {**_machine(Path(plan.folder)), "cpu_capability": None, "gpu": None, **probe.machine}
    is_there = Path(plan.model_file).is_file()
    yield "model", {"name": plan.title, "folder": plan.model, "is_there": is_there, "weights_mb": _weights(plan)}
    yield "estimate", estimate(plan, work=work, probe=probe, is_there=is_there)


def engine_facts(plan: RunPlan) -> dict[str, Any]:
    """Where vLLM is, which, and what is missing; and the GPUs that an engine of this config needs."""
    found = find_vllm()
    is_usable = found is not None and found.version == VERSION and not found.missing
    size = plan.config.generation.vllm.tensor_parallel_size
    return {
        "wanted": VERSION,
        "is_usable": is_usable,
        "found": found.words if found else f"not here: run `make .venv-vllm/ready`, or set {VARIABLE}",
        "gpus": visible_gpus(),
        "gpus_per_engine": size,
    }


def work_of(plan: RunPlan) -> dict[str, Any]:
    """How much of a run there is to do, as plain data."""
    is_known = not plan.is_open or plan.chosen() is not None
    shards = expected_shards(plan)
    left = [shard for shard in shards if not shard.is_done]
    completions = sum(shard.rows for shard in left)
    return {
        "run": plan.folder,
        "layers": [layer.name for layer in plan.as_expected().layers] if is_known or plan.layers else [],
        "left_to_the_scan": [] if is_known else _left_open(plan),
        "conditions": len(expected_conditions(plan)),
        "shards": len(shards),
        "shards_done": len(shards) - len(left),
        "completions_left": completions,
        "tokens_left": completions * plan.config.generation.max_new_tokens,
        "scan_tokens": scan_tokens(plan),
    }


def measure(plan: RunPlan, *, seconds: float) -> Measurement:
    """The speed of this machine, as far as time allows; a guess where nothing could be measured."""
    # A tuned model is as fast as the one it is tuned from.
    if not Path(plan.base_file).is_file():
        return guess(plan, why="the model is not there yet")
    if plan.config.generation.is_served:
        return guess(plan, why="vLLM is not started to measure it")
    if seconds == 0:
        return guess(plan, why="not measured")
    # A prompt of each split: few, since the first is read alone, before anything is generated.
    prompts = [read_prompts(Path(plan.config.data.path(split)), split=split)[0].prompt for split in SPLITS]
    seen = measure_speed(plan.config, folder=plan.base, prompts=prompts, seconds=seconds)
    if seen.seconds == 0:
        guessed = guess(plan, why=f"nothing was generated within {seconds:g} s; see --seconds")
        return replace(guessed, machine=seen.machine)
    return seen


def prompt_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What was checked of the prompts, what could not be, what was measured, and which are near copies."""
    shift = "not all say their style and template" if found["unchecked"] else "harm_test shares no style or template"
    yield f"prompts   valid, no prompt in two splits, {shift}"
    yield from (f"          {note}" for note in (*found["unchecked"], found["shift"], *found["near_copies"]))


def _machine(folder: Path) -> dict[str, Any]:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores(),
        "memory_gb": round(total_memory() / 1e9, 1),
        "free_disk_gb": round(shutil.disk_usage(existing).free / 1e9, 1),
    }


def estimate(plan: RunPlan, *, work: Mapping[str, Any], probe: Measurement, is_there: bool) -> dict[str, Any]:
    """What that work costs: time, memory and disk, as plain data; `is_there` is whether the model's folder is made."""
    shards = work["shards"] - work["shards_done"]
    scan = work["scan_tokens"] / probe.tokens_per_second
    seconds = scan + run_seconds(tokens=work["tokens_left"], shards=shards, speed=probe.tokens_per_second)
    seconds += 0.0 if is_there else _CONVERTING_S
    workers = plan.config.generation.workers or 2
    memory = workers * (_weights(plan) + RUNTIME_MB) / 1024 + plan.config.generation.memory_gib
    return {
        "tokens_per_second": round(probe.tokens_per_second),
        "watched_seconds": round(probe.seconds, 1),
        "minutes": round(seconds / 60, 1),
        "scan_seconds": round(scan),
        "guessed": probe.why,
        "is_rough": probe.is_rough,
        "minutes_low": round(probe.spread[0] * seconds / 60, 1),
        "minutes_high": round(probe.spread[1] * seconds / 60, 1),
        "memory_gb": round(memory * 1.074, 1),
        "disk_mb": round((_BYTES_OF_A_RUN + _BYTES_PER_COMPLETION * work["completions_left"]) / 1e6),
    }


def _weights(plan: RunPlan) -> int:
    """Of the model, or of the one that it is tuned from while it is not there."""
    return weights_mb(plan.model if Path(plan.model_file).is_file() else plan.base)


def run_seconds(*, tokens: int, shards: int, speed: float) -> float:
    """Time of a run, for at most so many tokens in so many missing shards, at a speed in tokens per second."""
    if shards == 0:
        return _FINISHING_S
    return _PREPARING_S + _FINISHING_S + _FRICTION * tokens / speed + _SHARD_S * shards


def can_be_made(plan: RunPlan) -> bool:
    """Whether the base model's folder is missing and can be made without a network."""
    return plan.makes_base and plan.config.model.source != "hub" and not Path(plan.base_file).is_file()


def make_base(plan: RunPlan, *, files: Sequence[Path]) -> None:
    """Make the base model's folder, which the run needs too.

    `files` are config files that mean the same to Snakemake.

    Raises:
        InputError: When it can't be made, with the message of the rule.
    """
    command = [*snakemake_command(configs=files, cores="all"), "--quiet", "all", "--", plan.base_file]
    done = subprocess.run(command, cwd=study_folder(), capture_output=True, text=True, check=False)
    if done.returncode != 0 or not Path(plan.base_file).is_file():
        raise _error_of_rule(done.stdout + done.stderr, folder=plan.base)


def _error_of_rule(output: str, *, folder: str) -> InputError:
    """The message of a job among Snakemake's lines; the last line where there is none."""
    found = re.search(r"^error: (.+?)\n  where: (.+)\n  to do: (.+)$", output, flags=re.MULTILINE | re.DOTALL)
    if found is not None:
        return InputError(found[1], where=found[2], fix=found[3].splitlines()[0])
    last = (output.strip().splitlines() or ["Snakemake ended"])[-1]
    return InputError(f"the model can't be made: {last}", where=f"{folder}.log", fix="read that log")


def guess(plan: RunPlan, *, why: str) -> Measurement:
    """The speed of the slowest machine we measured."""
    return Measurement(SLOWEST * cores() * 540 / _weights(plan), 0.0, why=why)


def lines_of(part: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The last part that `examine` yielded, as text; `found` holds it and those before it."""
    facts = found[part]
    if part == "prompts":
        yield from prompt_lines(facts)
    elif part == "plan":
        yield "config    valid"
        yield (
            f"plan      {facts['conditions']} conditions{_layers(facts['layers'])}; "
            f"{facts['shards_done']} of {facts['shards']} shards exist"
        )
        if facts["left_to_the_scan"]:
            yield f"          the scan chooses {' and '.join(facts['left_to_the_scan'])}"
        yield f"to do     {facts['completions_left']:,} completions, at most {facts['tokens_left']:,} tokens"
    elif part == "power":
        yield from power_lines(facts)
    elif part == "versions":
        yield "versions  " + ", ".join(f"{name} {version}" for name, version in facts.items())
    elif part == "engine":
        yield from _engine_lines(facts)
    elif part == "preparing":
        yield f"preparing {facts['name']} in {facts['folder']} as the run would: about 30 s for 135M parameters"
    elif part == "machine":
        yield _machine_line(facts)
    elif part == "model":
        made = "" if facts["is_there"] else " (made by the first run)"
        yield f"model     {facts['name']} in {facts['folder']}{made}"
    else:
        yield from _estimate_lines(facts, machine=found["machine"])


def _machine_line(facts: Mapping[str, Any]) -> str:
    capability = f" ({facts['cpu_capability']})" if facts["cpu_capability"] else ""
    processor = facts["gpu"] or f"{facts['cores']} cores{capability}"
    memory = f"{facts['memory_gb']:g} GB memory, {facts['free_disk_gb']:g} GB disk free"
    return f"machine   {facts['system']}, {processor}, {memory}"


def _engine_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    gpus, size = facts["gpus"], facts["gpus_per_engine"]
    yield f"engine    vLLM {facts['found']}"
    if gpus:
        yield f"          {gpus} GPUs, {size} for each engine"
    if not facts["is_usable"]:
        yield f"WARNING   generation.engine is vllm, which needs vLLM {facts['wanted']}: docs/large_models.md"
    if 0 < gpus < size:
        yield f"WARNING   generation.vllm.tensor_parallel_size is {size}, and {gpus} GPUs are visible"


def _layers(names: Sequence[str]) -> str:
    return f" at layers {', '.join(names)}" if names else ""


def _left_open(plan: RunPlan) -> list[str]:
    layers = ["layers"] if isinstance(plan.config.experiment.layers, str) else []
    return layers + [f"strengths of {name}" for name in plan.config.experiment.open_alphas]


def _estimate_lines(cost: Mapping[str, Any], *, machine: Mapping[str, Any]) -> Iterator[str]:
    yield f"speed     {cost['tokens_per_second']:,} tokens/s ({precision_words(cost)})"
    yield f"time      about {cost['minutes']:g} minutes ({cost['minutes_low']:g} to {cost['minutes_high']:g})"
    if cost["scan_seconds"]:
        yield f"          of which the scan takes about {cost['scan_seconds']} s"
    yield f"memory    up to {cost['memory_gb']:g} GB"
    yield f"disk      about {cost['disk_mb']} MB"
    if cost["memory_gb"] > machine["memory_gb"]:
        yield "WARNING   this machine has less memory: lower generation.memory_gib or set generation.workers to 1"
    if cost["disk_mb"] > 1000 * machine["free_disk_gb"]:
        yield "WARNING   this machine has less free disk space"


def precision_words(cost: Mapping[str, Any]) -> str:
    """How a speed is known: the parts of an estimate `guessed`, `is_rough` and `watched_seconds`."""
    if cost["guessed"]:
        return f"assumed from the slowest tested machine: {cost['guessed']}"
    if cost["is_rough"]:
        return "rough: nothing was generated within the time limit; see --seconds"
    seconds = cost["watched_seconds"]
    return f"measured for {seconds:g} s" + ("" if seconds >= LONG_ENOUGH_S else " only: rough")
