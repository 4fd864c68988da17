"""What the design of a config can show, and the cheapest design that shows changes of given sizes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from steering_reliability.commands.doctor import measure, precision_words, run_seconds
from steering_reliability.errors import InputError
from steering_reliability.evidence.cheapest_design import (
    Candidate,
    Space,
    Wishes,
    cheapest_designs,
    largest_design,
)
from steering_reliability.evidence.design_power import (
    assumed_rates,
    design_of_plan,
    design_power,
    gap_words,
    grid_level_of,
    power_facts,
    power_lines,
    rates_of_run,
    size_facts,
)
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.plan import RunPlan
from steering_reliability.run.workload import completions_of, expected_shards
from steering_reliability.text.numbers import rounded

_MOST_OTHERS: Final = 3


def design_facts(plan: RunPlan, *, seconds: float) -> dict[str, Any]:
    """What the config's own design can show, at the recommended point and at any point of the grid, and its cost.

    `seconds` limits measuring the speed; 0 measures nothing.
    """
    used = {split: plan.used_prompts(split) for split in SPLITS}
    design, rates = design_of_plan(plan, prompts=used), rates_of_run(plan)
    level, n_tests = grid_level_of(plan)
    shards = expected_shards(plan)
    completions, speed = sum(shard.rows for shard in shards), _speed(plan, seconds=seconds)
    sizes = {split: len(of_split) for split, of_split in used.items()}
    return {
        "prompts": sizes,
        "builders": sizes["harm_train"] - sum(design.train),
        **size_facts(design),
        **{"completions": completions, "speed": speed},
        "minutes": _minutes(completions, plan=plan, speed=speed, shards=len(shards)),
        "recommended": power_facts(design_power(design, rates=rates)),
        "grid": power_facts(design_power(design, rates=rates, level=level)) | {"tests": n_tests},
    }


def wished_facts(plan: RunPlan, *, wishes: Wishes, builders: int, seconds: float) -> dict[str, Any]:
    """The cheapest design that shows the wishes, what it takes, and others that need more completions.

    `builders` is how many prompts build the direction; `seconds` is that of `design_facts`.

    Raises:
        InputError: When a change can't be so large, or no design of the grid shows it.
    """
    rates = rates_of_run(plan)
    space = _space(plan, builders=builders)
    _check(wishes, space=space, origin="assumed" if rates is None else "measured")
    found = cheapest_designs(space, wishes=wishes)
    if not found:
        raise _nothing_found(space, wishes)
    speed = _speed(plan, seconds=seconds)
    shards = len(expected_shards(plan))
    best, *others = (_taken(one, plan=plan, speed=speed, shards=shards) for one in found)
    shown = power_facts(design_power(found[0].design, rates=rates))
    available = {split: len(of_split) for split, of_split in space.prompts.items()}
    return {
        **{"wished": {name: round(100 * size, 1) for name, size in wishes.items()}, "recommended": shown},
        **{"cheapest": best, "others": others[:_MOST_OTHERS], "available": available, "speed": speed},
    }


def _space(plan: RunPlan, *, builders: int) -> Space:
    # Without those that are held back for the scan.
    prompts = {split: plan.study_prompts(split) for split in SPLITS}
    if 2 * builders > len(prompts["harm_train"]):
        what = f"{builders} prompts that build the direction are more than half of harm_train's"
        raise InputError(what, where="--builders", fix=f"give at most {len(prompts['harm_train']) // 2}")

    def completions(sizes: Mapping[str, int], samples: int) -> int:
        return completions_of(plan, prompts=sizes, samples=samples)

    rates = rates_of_run(plan) or assumed_rates()
    return Space(prompts, builders, rates, completions, field=plan.config.data.cluster_field)


def _check(wishes: Wishes, *, space: Space, origin: str) -> None:
    """Refuse a change that is larger than what there is to change."""
    for question, size in wishes.items():
        most = rounded(100 * space.rates.room(question))
        if 100 * size > most:
            what = (
                f"a change of {100 * size:g} points is impossible: at the unsteered rates ({origin}) at most {most} "
                "points can change"
            )
            raise InputError(what, where=f"--{question}", fix=f"give at most {most}")


def _nothing_found(space: Space, wishes: Wishes) -> InputError:
    largest = largest_design(space)
    shown = power_facts(design_power(largest.design, rates=space.rates))
    wanted = ", ".join(f"{name} {100 * size:g}" for name, size in wishes.items())
    what = (
        f"no design shows {wanted} with 80% power: even {largest.prompts['harm_test']:,} prompts per split of "
        f"{len(largest.design.test)} templates, with {largest.samples} samples each, show {shown['shown']} at the least"
    )
    return InputError(what, where=", ".join(f"--{name}" for name in wishes), fix="ask for larger changes")


def _speed(plan: RunPlan, *, seconds: float) -> dict[str, Any]:
    probe = measure(plan, seconds=seconds)
    known = {"guessed": probe.why, "is_rough": probe.is_rough, "watched_seconds": round(probe.seconds, 1)}
    return {"tokens_per_second": round(probe.tokens_per_second), **known}


def _minutes(completions: int, *, plan: RunPlan, speed: Mapping[str, Any], shards: int) -> float:
    tokens = completions * plan.config.generation.max_new_tokens
    return round(run_seconds(tokens=tokens, shards=shards, speed=speed["tokens_per_second"]) / 60, 1)


def _taken(one: Candidate, *, plan: RunPlan, speed: Mapping[str, Any], shards: int) -> dict[str, Any]:
    minutes = _minutes(one.completions, plan=plan, speed=speed, shards=shards)
    return {
        **{"prompts": dict(one.prompts), "builders": one.builders, "build_fraction": one.build_fraction},
        **{**size_facts(one.design), "completions": one.completions, "minutes": minutes, "in_files": one.in_files},
    }


def design_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """`design_facts` as text."""
    yield f"design    {_prompts(facts['prompts'])}, {_others(facts)}"
    yield f"          {_templates(facts['templates'])}"
    yield from power_lines(facts["recommended"])
    grid = facts["grid"]
    yield f"          {grid['shown']} at a point of the grid ({grid['tests']} tests are corrected together)"
    yield f"          {gap_words()}"
    yield _cost(facts, facts["speed"])


def wished_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """`wished_facts` as text."""
    best, speed = facts["cheapest"], facts["speed"]
    yield "wanted    " + ", ".join(f"{name} {size:g} points" for name, size in facts["wished"].items())
    yield f"cheapest  {_prompts(best['prompts'])}, {_others(best)}"
    yield f"          {_templates(best['templates'])}"
    yield from power_lines(facts["recommended"])
    yield f"          {gap_words()}"
    yield _cost(best, speed)
    if best["in_files"]:
        yield f"config    data: {{max_prompts_per_split: {max(best['prompts'].values())}}}"
        yield f"          generation: {{num_samples_per_prompt: {best['samples']}}}"
        yield f"          direction: {{build_fraction: {best['build_fraction']:g}}}"
    else:
        there = ", ".join(f"{n} of {split}" for split, n in facts["available"].items())
        yield f"prompts   the files hold {there}: write more, of so many templates"
    for other in facts["others"]:
        yield f"or        {_prompts(other['prompts'])}, {_others(other)}: {_completions(other)}"


def _prompts(sizes: Mapping[str, int]) -> str:
    if len(set(sizes.values())) == 1:
        return f"{max(sizes.values()):,} prompts per split"
    return ", ".join(f"{n:,} {split}" for split, n in sizes.items()) + " prompts"


def _others(facts: Mapping[str, Any]) -> str:
    samples = "1 sample" if facts["samples"] == 1 else f"{facts['samples']} samples"
    return f"{facts['builders']} of harm_train build the direction, {samples} per prompt"


def _templates(found: Mapping[str, int]) -> str:
    return (
        f"templates or groups of near copies: {found['harm_train']} of the harm_train prompts that report, "
        f"{found['harm_test']} of harm_test, {found['benign']} of benign"
    )


def _completions(facts: Mapping[str, Any]) -> str:
    return f"{facts['completions']:,} completions, about {facts['minutes']:g} minutes"


def _cost(facts: Mapping[str, Any], speed: Mapping[str, Any]) -> str:
    return f"cost      {_completions(facts)} at {speed['tokens_per_second']:,} tokens/s ({precision_words(speed)})"
