"""Repeat a finished run in a new folder, from what it recorded of itself, and compare every byte."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from steering_reliability.config.files import study_folder
from steering_reliability.config.reading import load_config
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.files import write_text
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.checksums import check_files, read_checksums
from steering_reliability.run.record import as_yaml, read_provenance, surroundings
from steering_reliability.run.reproduction import differences, kind_of
from steering_reliability.run.snakemake_call import snakemake_command

STUDY = "study.yaml"


@dataclass(frozen=True)
class Record:
    """What a finished run recorded of itself: provenance.json (`facts`), and SHA-256 by path (`checksums`)."""

    facts: dict[str, Any]
    checksums: dict[str, str]

    @property
    def config(self) -> dict[str, Any]:
        """The study's config."""
        config: dict[str, Any] = self.facts["config"]
        return config


def read_record(run: Path) -> Record:
    """Read what a run recorded in provenance.json and SHA256SUMS.

    Raises:
        InputError: When one of the two is missing or damaged.
    """
    facts = read_provenance(run)
    try:
        load_config(facts["config"])
    except InputError as error:
        what = f"the recorded config is not valid in this version: {error.what}"
        fix = "reproduce it with the version of the project that made it"
        raise InputError(what, where=str(run / "provenance.json"), fix=fix) from error
    return Record(facts, read_checksums(run / "SHA256SUMS"))


def set_up(record: Record, *, place: Path, root: Path | None = None) -> None:
    """Prepare a folder in which the run can be repeated: its config, and links to the files it reads.

    `place` is empty, or the same run was begun in it. The config's paths count from `root`, by default `study_folder`.

    Raises:
        InputError: When another study lies there, or the run wrote outside its clone.
    """
    text = as_yaml(record.config)
    study = place / STUDY
    if place.exists() and (not study.is_file() or study.read_text(encoding="utf-8") != text) and any(place.iterdir()):
        raise InputError("the folder is in use", where=str(place), fix="name another with --into, or empty it")
    config = load_config(record.config)
    for path in (config.experiment.output_dir, config.report_dir, *record.checksums):
        if PurePath(path).is_absolute() or ".." in PurePath(path).parts:
            what = "the run wrote outside its clone, so reproducing it would overwrite its files"
            raise InputError(what, where=path, fix="set a relative output_dir in a config of your own, and run that")
    write_text(study, text)
    for path in _inputs(config):
        source, link = (root or study_folder()) / path, place / path
        if not PurePath(path).is_absolute() and source.exists() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.resolve(), target_is_directory=source.is_dir())


def _inputs(config: Config) -> Iterator[str]:
    yield from (config.data.path(split) for split in SPLITS)
    yield config.model.source
    yield from config.metrics.scorer_files
    file = config.direction.file
    # A path with {layer} stands for the files of its folder.
    direction = str(PurePath(file).parent) if file and "{layer}" in file else file
    yield from filter(None, [config.metrics.labels, direction])


def run(*, place: Path, cores: str) -> int:
    """Repeat the run in its folder; returns Snakemake's exit code."""
    command = [*snakemake_command(configs=[place / STUDY], cores=cores), "--directory", str(place.resolve())]
    return subprocess.run(command, cwd=study_folder(), check=False).returncode


def compare(record: Record, *, place: Path) -> dict[str, Any]:
    """Compare the files of a repeated run with what was recorded.

    Returns:
        `differs`, the entries of the record that are not so here; `kinds`, per kind of file how many have the same
        bytes and how many not; `files`, those that differ; `unexplained`, those of them that no entry explains.
    """
    here = json.loads((place / record.config["experiment"]["output_dir"] / "provenance.json").read_text("utf-8"))
    found = differences(record.facts, here)
    explained = {kind for one in found for kind in one.changes}
    kinds: dict[str, dict[str, int]] = {}
    checked = check_files(record.checksums, root=place)
    for path, state in checked.items():
        counts = kinds.setdefault(kind_of(path), {"same": 0, "other": 0})
        counts["same" if state == "as recorded" else "other"] += 1
    files = [path for path, state in checked.items() if state != "as recorded"]
    return {
        "differs": [{"entry": one.entry, "recorded": one.recorded, "here": one.here} for one in found],
        "kinds": {kind: counts | {"may_differ": kind in explained} for kind, counts in kinds.items()},
        "files": files,
        "unexplained": [path for path in files if kind_of(path) not in explained],
    }


def forecast(record: Record) -> Iterator[str]:
    """What differs on this machine, and which files will differ for it."""
    found = differences(record.facts, surroundings())
    for one in found:
        changes = ", ".join(one.changes)
        yield f"{one.entry} was {one.recorded}, here {one.here}: expect other bytes in {changes}"
    if not found:
        yield "same code, versions and kind of machine: expect the same bytes everywhere"


def as_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The comparison as a person reads it."""
    for kind, counts in found["kinds"].items():
        total = counts["same"] + counts["other"]
        word = "" if not counts["other"] else "  (as expected)" if counts["may_differ"] else "  UNEXPECTED"
        yield f"{kind:<12} {counts['same']:>6} of {total} have the recorded bytes{word}"
    for one in found["differs"]:
        yield f"{one['entry']} was {one['recorded']}, here {one['here']}"
    for path in found["unexplained"]:
        yield f"unexplained difference: {path}"
