"""When each stage of a run was finished and how long it took, from the ages of its files."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class StageTime:
    """When a stage was finished.

    `finished` is when the last of its `n_files` was written (UTC, to the second). `seconds` run from the last file of
    the stages before it to its own last one, pauses included; NaN where it is older than they, or nothing is known
    before it.
    """

    stage: str
    n_files: int
    finished: str
    seconds: float


def run_times(stages: Mapping[str, Iterable[Path | str]]) -> list[StageTime]:
    """When each stage was finished, given its files in the order of the workflow; empty stages are left out."""
    times = []
    before = math.nan
    for stage, paths in stages.items():
        written = list(_ages(paths))
        if written:
            last = max(written)
            seconds = last - before if last >= before else math.nan
            finished = datetime.fromtimestamp(last, UTC).strftime("%Y-%m-%d %H:%M:%S")
            times.append(StageTime(stage, len(written), finished, seconds))
            before = last if math.isnan(before) else max(before, last)
    return times


def _ages(paths: Iterable[Path | str]) -> Iterator[float]:
    for path in paths:
        try:
            yield Path(path).stat().st_mtime
        except OSError:
            continue
