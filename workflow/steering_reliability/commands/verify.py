"""Compare a finished run with the checksums that were recorded when it finished."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steering_reliability.config.files import SNAKEMAKE
from steering_reliability.errors import InputError
from steering_reliability.process.ledger import mixture_note
from steering_reliability.run.checksums import check_files, read_checksums
from steering_reliability.run.record import read_provenance

STAGES = ("models", "prompts", "activations", "directions", "completions", "runs", "tables", "figures")


def verify(run: Path) -> dict[str, Any]:
    """Check every file of a run against its recorded SHA-256.

    Returns:
        `stages`, per stage how many files are as recorded, changed and missing; `files`, those that are not; `mixture`,
        what must be known where the run's files were not all made alike, else None.

    Raises:
        InputError: When nothing was recorded, or the run lies elsewhere than it was made.
    """
    recorded = read_checksums(run / "SHA256SUMS")
    checked = check_files(recorded, root=_root(run, recorded))
    stages: dict[str, dict[str, int]] = {}
    for path, state in checked.items():
        counts = stages.setdefault(stage_of(path), {"as recorded": 0, "changed": 0, "missing": 0})
        counts[state] += 1
    return {
        "stages": stages,
        "files": {path: state for path, state in checked.items() if state != "as recorded"},
        "mixture": mixture_note(_made_with(run)),
    }


def _made_with(run: Path) -> list[Any]:
    try:
        return list(read_provenance(run).get("made_with", []))
    except InputError:
        # A damaged or missing record is already among the files.
        return []


def _root(run: Path, recorded: Mapping[str, str]) -> Path:
    """Folder that the recorded paths count from, usually the clone."""
    place = run.resolve()
    for name in {parent for path in recorded for parent in Path(path).parents}:
        if name.is_absolute() and name.resolve() == place:
            return Path()
        if place.parts[-len(name.parts) :] == name.parts:
            return Path(*place.parts[: -len(name.parts)])
    raise InputError(
        "the run is not in the folder in which it was made, so its recorded paths may point to another run",
        where=str(run),
        fix="move it back, or use reproduce",
    )


def stage_of(path: str) -> str:
    """The stage that a file of a run belongs to."""
    parts = Path(path).parts
    return next((part for part in parts if part in STAGES), "report" if parts[0] == "reports" else "results")


def as_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The findings as a person reads them."""
    for stage, counts in found["stages"].items():
        total = sum(counts.values())
        yield f"{stage:<12} {counts['as recorded']:>6} of {total} as recorded"
    if found["mixture"]:
        yield found["mixture"]
    for path, state in found["files"].items():
        yield f"{state}: {path}"
    if found["files"]:
        # By name, since Snakemake does not make a missing file whose consumers exist.
        first = shlex.quote(next(iter(found["files"])))
        yield f"to do: delete each and make it by name ({SNAKEMAKE} --cores 4 {first}, with --configfile if the run"
        yield "has one), then run again"
