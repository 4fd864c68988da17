"""Import a user's prompts as a split, beside the splits that are there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steering_reliability.commands.prompt_source import find_source
from steering_reliability.errors import InputError
from steering_reliability.prompts.card import describe
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.ingest import Ingested, ingest_prompts
from steering_reliability.prompts.overlaps import Overlap, find_overlaps, overlap_notes, without
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, Prompt
from steering_reliability.prompts.sets import find_set

_DROP = "--drop_overlaps leaves out those of the new file"


@dataclass(frozen=True)
class Wanted:
    """What a user asks for.

    Args:
        file: A file, a folder, or hub:owner/name[/file]@commit.
        split: What to import it as.
        known: Name of a public set, None to recognise it.
        fields: Fields by the names of `FieldNames`; those of a set where none is given.
        where: Conditions on rows.
        drop_overlaps: Leave out prompts that another file of the folder has.
    """

    file: str
    split: str
    known: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drop_overlaps: bool = False


@dataclass(frozen=True)
class Imported:
    """The prompts of a split and their card; `notes` on what was done, `warnings` on what may go wrong."""

    prompts: list[Prompt]
    card: dict[str, Any]
    notes: list[str]
    warnings: list[str]


def import_prompts(wanted: Wanted, *, out_dir: Path, project: Path, say: Callable[[str], None]) -> Imported:
    """Read prompts and compare them with those of the other files of a folder.

    Args:
        wanted: What is asked for.
        out_dir: The folder of the other splits; nothing is written to it.
        project: The folder of the project's own prompts, which stand in for splits that the folder lacks.
        say: Receives lines of progress.

    Raises:
        InputError: When the prompts can't be read, or the workflow would refuse them beside the folder's other splits.
    """
    known = find_set(wanted.known) if wanted.known else None
    source = find_source(wanted.file, known=known, split=wanted.split, say=say)
    ingested = ingest_prompts(source.files, split=wanted.split, fields=wanted.fields, known=known, where=wanted.where)
    others, warnings = _others(out_dir, without=wanted.split)
    overlaps = find_overlaps(ingested.prompts, others=others)
    notes = [*ingested.notes, *overlap_notes(overlaps, name=wanted.split)]
    if wanted.drop_overlaps and overlaps:
        ingested = _without(ingested, overlaps, wanted)
        notes.append(f"left out the {len({one.id for one in overlaps})} prompts that other files have")
    counts = {name: sum(one.other == name for one in overlaps) for name in others} if wanted.drop_overlaps else {}
    card = describe(
        ingested,
        files=source.files,
        where=wanted.where,
        hub=source.hub,
        dropped={name: n for name, n in counts.items() if n},
    )
    made = {wanted.split: ingested.prompts}
    beside = {split: others[split] for split in SPLITS if split in others}
    notes += _compared({**beside, **made}, out_dir)
    warnings += _beside_project({**beside, **made}, project)
    return Imported(ingested.prompts, card, notes, warnings)


def _without(ingested: Ingested, overlaps: Sequence[Overlap], wanted: Wanted) -> Ingested:
    kept = without(ingested.prompts, overlaps=overlaps)
    if not kept:
        what = "every prompt of the file is in another file of the folder"
        raise InputError(what, where=wanted.file, fix="choose another set, or another --out_dir")
    return replace(ingested, prompts=kept)


def _others(folder: Path, *, without: str) -> tuple[dict[str, list[Prompt]], list[str]]:
    """The prompts of a folder's other files by their names without .jsonl, and warnings on those that can't be read."""
    found, warnings = {}, []
    for path in sorted(folder.glob("*.jsonl")):
        if path.stem == without:
            continue
        try:
            found[path.stem] = read_prompts(path, split=path.stem)
        except InputError as error:
            warnings.append(f"not compared with {path.stem}: {error}")
    return found, warnings


def _compared(prompts: Mapping[str, list[Prompt]], out_dir: Path) -> list[str]:
    """Refuse what the workflow would refuse; notes on what could not be checked."""
    try:
        return _check(prompts)
    except InputError as error:
        what = f"the workflow would refuse these prompts together, and nothing was written: {error.what}"
        fix = f"{error.fix}{f' ({_DROP})' if 'the same prompt as' in error.what else ''}, or give another --out_dir"
        raise InputError(what, where=f"{error.where}, in {out_dir}", fix=fix) from None


def _beside_project(prompts: Mapping[str, list[Prompt]], project: Path) -> list[str]:
    own, warnings = {}, []
    for split in SPLITS:
        path = project / f"{split}.jsonl"
        try:
            if split not in prompts and path.exists():
                own[split] = read_prompts(path, split=split)
        except InputError as error:
            warnings.append(f"not compared with {split}: {error}")
    try:
        _check({**own, **prompts})
    except InputError as error:
        warnings.append(f"with the project's prompts the workflow will refuse these: {error}")
    return warnings


def _check(prompts: Mapping[str, list[Prompt]]) -> list[str]:
    """Check what no two splits may share; returns what could not be checked."""
    check_disjoint({split: prompts[split] for split in SPLITS if split in prompts})
    is_whole = {"harm_train", "harm_test"} <= prompts.keys()
    return check_shift(prompts["harm_train"], prompts["harm_test"]) if is_whole else []
