"""What a study and its alternative cost and can show, in one table before it runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from steering_reliability.commands.doctor import estimate, precision_words, work_of
from steering_reliability.commands.probe import Measurement
from steering_reliability.evidence.design_power import gap_words, power_facts, power_of_plan
from steering_reliability.run.plan import RunPlan
from steering_reliability.text.numbers import percent, rounded

_QUESTIONS: Final = ("effect", "gap", "cost")


def study_facts(plan: RunPlan, *, probe: Measurement) -> dict[str, Any]:
    """Size, cost and smallest visible changes of a study as plain data, with the speed of `probe`."""
    work, power = work_of(plan), power_facts(power_of_plan(plan))
    cost = estimate(plan, work=work, probe=probe, is_there=Path(plan.model_file).is_file())
    return {"work": work, "cost": cost, "power": power}


def table_lines(studies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The table: a row for each study by its name, and below it how time and sizes are known."""
    width = max(map(len, studies))
    heads = ("rows to do", "minutes", "memory", "smallest effect", "gap", "cost")
    yield f"{'plan':<{width}}" + "".join(f"{head:>17}" for head in heads)
    for name, facts in studies.items():
        yield f"{name:<{width}}" + "".join(f"{cell:>17}" for cell in _cells(**facts))
    first = next(iter(studies.values()))
    cost, power = first["cost"], first["power"]
    yield f"time at {cost['tokens_per_second']:,} tokens/s ({precision_words(cost)})"
    yield f"seen with {percent(power['power'])} power at the recommended point; {gap_words()}; {power['unsteered']}"


def _cells(*, work: Mapping[str, Any], cost: Mapping[str, Any], power: Mapping[str, Any]) -> Iterator[str]:
    yield f"{work['completions_left']:,}"
    yield f"{cost['minutes']:g} ({cost['minutes_low']:g}-{cost['minutes_high']:g})"
    yield f"{cost['memory_gb']:g} GB"
    yield from ("none" if power[name] is None else f"{rounded(power[name])} points" for name in _QUESTIONS)


def limits_sentence(power: Mapping[str, Any]) -> str:
    """What a quick study can't say, in numbers; `power` is that of `study_facts`."""
    return (
        f"quick: with {percent(power['power'])} power it shows {power['shown']} or more, "
        "and no random direction is run to compare with"
    )
