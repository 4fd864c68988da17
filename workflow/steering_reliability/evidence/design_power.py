"""What the design of a run can show, from its prompts or its results."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import comb
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.prompts.schema import SPLITS, Prompt
from steering_reliability.prompts.similarity import cluster_prompts
from steering_reliability.prompts.subset import choose_direction_set
from steering_reliability.results.schema import as_records
from steering_reliability.results.tables import read_table
from steering_reliability.run.plan import RunPlan
from steering_reliability.statistics.power import (
    ENOUGH,
    MOVED,
    QUESTIONS,
    Design,
    Question,
    Rates,
    Simulation,
    Smallest,
    grid_level,
)
from steering_reliability.text.numbers import percent, rounded

DESIGN_INPUTS: Final = ["split", "id", "sample", "cluster", "builds_direction", "role", "from_baseline"]
"""The columns of results.parquet that tell the design."""

_RATES: Final = {"train": "clean_refusal_harm_train", "test": "clean_refusal_harm_test", "benign": "helpful_benign"}


@dataclass(frozen=True)
class DesignPower:
    """The smallest changes that a design can show, and at which unsteered rates; `is_measured` says whose they are."""

    smallest: Mapping[Question, Smallest]
    rates: Rates
    is_measured: bool


# Reasons in a new config, the plan's table and doctor ask for the same, and a simulation takes seconds.
@lru_cache(maxsize=16)
def design_power(design: Design, *, rates: Rates | None, level: float | None = None) -> DesignPower:
    """Simulate what a design can show; without measured rates at those that are assumed.

    `level` is that of one claim, by default at the recommended point.
    """
    simulation = Simulation(design, rates=rates or assumed_rates())
    smallest = {question: simulation.smallest(question, level=level) for question in QUESTIONS}
    return DesignPower(smallest, simulation.rates, rates is not None)


def design_of_prompts(
    prompts: Mapping[str, Sequence[Prompt]], *, build_fraction: float, samples: int, field: str = "template"
) -> Design:
    """The design of the prompts that a run uses; `field` is that of `cluster_prompts`."""
    clusters = {split: cluster_prompts(of_split, field=field) for split, of_split in prompts.items()}
    built = choose_direction_set(prompts["harm_train"], fraction=build_fraction)
    held_out = {prompt: name for prompt, name in clusters["harm_train"].items() if prompt not in built}
    # As the headline does: with none held out the gap is that of all prompts.
    train, test, benign = held_out or clusters["harm_train"], clusters["harm_test"], clusters["benign"]
    return Design(_sizes(train.values()), _sizes(test.values()), _sizes(benign.values()), samples)


def design_of_plan(plan: RunPlan, *, prompts: Mapping[str, Sequence[Prompt]]) -> Design:
    """The design of a run that uses these prompts."""
    config = plan.config
    fraction, samples = config.direction.build_fraction, config.generation.num_samples_per_prompt
    return design_of_prompts(prompts, build_fraction=fraction, samples=samples, field=config.data.cluster_field)


def power_of_plan(plan: RunPlan) -> DesignPower:
    """What a run can show with the prompts that it uses, at the unsteered rates that it has measured, if it has."""
    used = {split: plan.used_prompts(split) for split in SPLITS}
    return design_power(design_of_plan(plan, prompts=used), rates=rates_of_run(plan))


def design_of_results(results: pd.DataFrame) -> Design:
    """The design of a run's unsteered completions; the results have at least `DESIGN_INPUTS`."""
    unsteered = results[(results["role"] == "main") & results["from_baseline"].astype(bool)]
    samples = int(unsteered["sample"].nunique()) or 1
    prompts = unsteered.drop_duplicates(["split", "id"])
    parts = {split: prompts[prompts["split"] == split] for split in ("harm_train", "harm_test", "benign")}
    held_out = parts["harm_train"][~parts["harm_train"]["builds_direction"].astype(bool)]
    train = parts["harm_train"] if held_out.empty else held_out
    of_train, of_test, of_benign = (_sizes(part["cluster"]) for part in (train, parts["harm_test"], parts["benign"]))
    return Design(of_train, of_test, of_benign, samples)


def _sizes(clusters: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(Counter(clusters).values(), reverse=True))


def measured_rates(summary: pd.DataFrame) -> Rates | None:
    """The unsteered rates of a run; None where a split has none."""
    study = summary[(summary["role"] == "main") & summary["from_baseline"].astype(bool)]
    row = (as_records(study.head(1)) or [{}])[0]
    found = {name: float(row.get(column, np.nan)) for name, column in _RATES.items()}
    return None if any(np.isnan(value) for value in found.values()) else Rates(**found)


def rates_of_run(plan: RunPlan) -> Rates | None:
    """The unsteered rates that a run has measured already, if it has a summary."""
    path = Path(plan.folder) / "tables" / "summary.csv"
    return measured_rates(read_table(path)) if path.is_file() else None


def assumed_rates() -> Rates:
    """The unsteered rates of a run that has measured none."""
    return Rates()


def size_facts(design: Design) -> dict[str, Any]:
    """Samples per prompt and templates of a design as plain data."""
    templates = {"harm_train": len(design.train), "harm_test": len(design.test), "benign": len(design.benign)}
    return {"samples": design.samples, "templates": templates}


def grid_level_of(plan: RunPlan) -> tuple[float, int]:
    """The level of a claim at a point of the grid, and how many tests of the grid are corrected together."""
    main = [condition for condition in plan.as_expected().conditions if condition.role == "main"]
    places = Counter((c.direction, c.intervention, c.alpha, c.seed) for c in main)
    n_tests = len(QUESTIONS) * len(main) + sum(comb(n, 2) for n in places.values())
    return grid_level(n_tests), n_tests


def shown_words(found: DesignPower) -> str:
    """What can be shown: `an effect of 36 points, a gap of 61 points, a cost of 30 points`."""
    articles: dict[Question, str] = {"effect": "an effect", "gap": "a gap", "cost": "a cost"}
    return ", ".join(
        f"no {name}" if np.isnan(found.smallest[name].size) else f"{article} of {_points(found.smallest[name].size)}"
        for name, article in articles.items()
    )


def _points(size: float) -> str:
    points = rounded(100 * size)
    return "1 point" if points == 1 else f"{points} points"


def gap_words() -> str:
    """Where a gap is looked for."""
    return f"the gap where harm_test itself moves by {rounded(100 * MOVED)} points"


def error_points(found: DesignPower) -> int:
    """The simulation's error of the sizes in whole points: two standard errors of the least certain."""
    errors = [one.error for one in found.smallest.values() if not np.isnan(one.error)]
    return max(1, int(np.ceil(200 * max(errors)))) if errors else 0


def rates_words(found: DesignPower) -> str:
    """The unsteered rates in words, and whether they are measured."""
    rates = found.rates
    origin = "measured" if found.is_measured else "assumed"
    return (
        f"unsteered, {percent(rates.train)} of harm_train and {percent(rates.test)} of harm_test refused, "
        f"{percent(rates.benign)} of benign answered helpfully ({origin})"
    )


def power_facts(found: DesignPower) -> dict[str, Any]:
    """What a design can show as plain data: the smallest changes in points (None: not even the largest possible)."""
    sizes = {str(name): found.smallest[name].size for name in QUESTIONS}
    points = {name: None if np.isnan(size) else round(100 * size, 1) for name, size in sizes.items()}
    words = {"shown": shown_words(found), "unsteered": rates_words(found)}
    return {**points, "error": error_points(found), "power": ENOUGH, "rates": asdict(found.rates), **words}


def power_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """`power_facts` in two lines."""
    yield f"power     {percent(facts['power'])} for {facts['shown']} at the recommended point (±{facts['error']})"
    yield f"          {facts['unsteered']}"
