"""How many files of each stage of a run exist, and how long each stage took."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steering_reliability.run.plan import RunPlan
from steering_reliability.run.times import run_times
from steering_reliability.run.workload import expected_conditions, stage_files


def status_of(plan: RunPlan) -> dict[str, dict[str, Any]]:
    """Stage to `there` (files), `of` (files), `finished` (UTC) and `seconds`, the last two None where unknown.

    The scan's has `chosen` too, once it has chosen.
    """
    files = stage_files(plan, expected_conditions(plan))
    times = {time.stage: time for time in run_times(files)}
    found: dict[str, dict[str, Any]] = {}
    for stage, paths in files.items():
        time = times.get(stage)
        seconds = None if time is None or math.isnan(time.seconds) else round(time.seconds, 1)
        found[stage] = {
            "there": 0 if time is None else time.n_files,
            "of": len(paths),
            "finished": None if time is None else time.finished,
            "seconds": seconds,
        }
    if chosen := plan.chosen():
        found["scan"]["chosen"] = {"layers": chosen.layers, "alphas": chosen.alphas}
    return found


def as_lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """One line per stage."""
    for stage, row in found.items():
        done = "done" if row["there"] == row["of"] else "    "
        took = "" if row["seconds"] is None else f"{row['seconds']:>8.1f} s"
        yield f"{done}  {stage:<12} {row['there']:>6} of {row['of']:<6} {row['finished'] or '':<20}{took}".rstrip()
        if "chosen" in row:
            yield from (f"      {line}" for line in _chosen_lines(**row["chosen"]))
    yield "Times are UTC; seconds count from the last file of the previous stages, pauses included."


def _chosen_lines(layers: Sequence[int] | None, alphas: Mapping[str, Sequence[float]] | None) -> Iterator[str]:
    if layers is not None:
        yield f"chosen layers: {', '.join(map(str, layers))}"
    for name, strengths in (alphas or {}).items():
        yield f"strengths of {name}: {', '.join(f'{alpha:g}' for alpha in strengths)}"
