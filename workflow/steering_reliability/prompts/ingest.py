"""Read a user's prompts from CSV, JSON, JSON Lines or plain text, whatever its encoding and field names."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.check import copies_note
from steering_reliability.prompts.records import Record, find_field, listed, read_records
from steering_reliability.prompts.schema import SPLITS, UNKNOWN, Prompt, to_jsonl
from steering_reliability.prompts.validate import Problems, check_content, collapse_space, fault_in_id, fault_in_text

_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class FieldNames:
    """Which field of the user's file holds what; a dotted name reaches into objects ("meta.family").

    A name that the file writes in another case is found.

    Args:
        prompt: The request.
        id: A unique name; made where it is None, or a row has none that can be used.
        family: What the prompt is about in general; "unknown" where it is None or a row has none.
        style: The manner of the request; likewise.
        context: Text that the request is about; it comes first, then a blank line, then the request. A row that has
            none is the request alone.
    """

    prompt: str = "prompt"
    id: str | None = None
    family: str | None = None
    style: str | None = None
    context: str | None = None


@dataclass(frozen=True)
class Ingested:
    """The prompts of a user's file, and what was done to get them.

    `notes` has one sentence per thing that the user should know: encoding guessed, rows left out, ids made or replaced,
    duplicates dropped, near copies.
    """

    prompts: list[Prompt]
    notes: list[str]


def ingest_prompts(
    path: Path, *, split: str, fields: FieldNames, where: Mapping[str, Sequence[str]] | None = None
) -> Ingested:
    """Read a CSV, TSV, JSON, JSON Lines or text file as one split.

    Encodings: UTF-8 or UTF-16 by byte order mark, else UTF-8, else Windows-1252 (noted). Line ends become LF and outer
    white space goes. A list gives its first element. A prompt that came before is dropped, an id that can't be used is
    replaced; both are noted. What comes out is what the workflow accepts.

    The file's suffix tells the format. `where` maps fields to values: only rows that have one of the values in each of
    them are kept.

    Raises:
        InputError: Once, with every row that has no usable prompt or label; also for an unknown split, an unreadable
            file, a field that no row has, a value that matches no row, or a file without prompts.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}", where="split", fix=f"use one of {', '.join(SPLITS)}")
    source = read_records(path, expected_field=fields.prompt)
    if not source.records:
        raise InputError("the file has no prompt in it", where=str(path), fix="give a file with at least one row")
    records, left_out = _keep(source.records, where or {}, str(path))
    found, renamed = _find(fields, records, str(path))
    problems = Problems(str(path))
    rows = [_Row.read(record, found, problems) for record in records]
    problems.raise_if_any("correct these rows, leave them out, or name other fields")
    kept, dropped = _drop_duplicates(rows)
    ids, made = _usable_ids(kept, split=split)
    prompts = [
        Prompt(name, row.prompt, row.family or UNKNOWN, row.style or UNKNOWN)
        for name, row in zip(ids, kept, strict=True)
    ]
    check_content(to_jsonl(prompts), split=split, source=str(path))
    copies = copies_note(prompts, split=split, most=_MOST_NAMED)
    notes = [*source.notes, *left_out, *renamed, *made, *dropped, *filter(None, [copies])]
    return Ingested(prompts=prompts, notes=notes)


@dataclass(frozen=True)
class _Row:
    at: str
    id: str | None
    prompt: str
    family: str
    style: str

    @classmethod
    def read(cls, record: Record, fields: FieldNames, problems: Problems) -> "_Row":
        def text(name: str | None, *, is_needed: bool = False) -> str:
            value = "" if name is None else record.text(name)
            fault = "is neither text nor a number" if value is None else fault_in_text(value)
            if fault and (value or value is None or is_needed):
                problems.add(fault, at=record.at, field=name)
            return value or ""

        context, request = text(fields.context), text(fields.prompt, is_needed=True)
        prompt = f"{context}\n\n{request}" if context else request
        given = "" if fields.id is None else record.text(fields.id)
        return cls(record.at, given, prompt, text(fields.family), text(fields.style))


def _keep(
    records: Sequence[Record], where: Mapping[str, Sequence[str]], source: str
) -> tuple[Sequence[Record], list[str]]:
    """The rows that meet the conditions, and a note of how many there were."""
    kept = records
    for name, wanted in where.items():
        field = find_field(name, records=records, source=source)
        values = list(dict.fromkeys(value for record in records if (value := record.compared(field))))
        for value in wanted:
            if value not in values:
                fix = f"use one of its values: {listed(values)}" if values else "name another field"
                raise InputError(f"no row has {field}={value}", where=source, fix=fix)
        kept = [record for record in kept if record.compared(field) in wanted]
    conditions = " and ".join(f"{name}={' or '.join(values)}" for name, values in where.items())
    if not kept:
        raise InputError(f"no row has {conditions} at once", where=source, fix="give fewer conditions")
    return kept, [f"kept {len(kept)} of {len(records)} rows, those with {conditions}"] if where else []


def _find(fields: FieldNames, records: Sequence[Record], source: str) -> tuple[FieldNames, list[str]]:
    """The fields as the file writes them, and notes on those that are written otherwise or empty in every row."""
    given = astuple(fields)
    written = [name and find_field(name, records=records, source=source) for name in given]
    notes = [
        f"the field {name!r} is {other!r} here" for name, other in zip(given, written, strict=True) if name != other
    ]
    found = FieldNames(*written)
    for name in filter(None, written):
        if all(record.text(name) == "" for record in records):
            what = f"the field {name!r} is there, but empty in every row"
            if name == found.prompt:
                raise InputError(what, where=source, fix="name the field that holds the request")
            notes.append(what)
    return found, notes


def _drop_duplicates(rows: Sequence[_Row]) -> tuple[list[_Row], list[str]]:
    first: dict[str, _Row] = {}
    notes = []
    for row in rows:
        owner = first.setdefault(collapse_space(row.prompt), row)
        if owner is not row:
            notes.append(f"dropped {row.at}: the same prompt as {owner.at}")
    return list(first.values()), notes


def _usable_ids(rows: Sequence[_Row], *, split: str) -> tuple[list[str], list[str]]:
    """The ids that can be used, others in place of the rest, and notes on those that were made or replaced."""
    owner: dict[str, str] = {}
    faults = []
    for row in rows:
        fault = "is neither text nor a number" if row.id is None else fault_in_id(row.id)
        if row.id is not None and not fault and owner.setdefault(row.id, row.at) != row.at:
            fault = f"{row.id!r} is that of {owner[row.id]} too"
        faults.append(fault)
    ids, replaced = [], []
    for number, (row, fault) in enumerate(zip(rows, faults, strict=True), start=1):
        name = row.id or ""
        if fault:
            name = f"{split}_{number:04d}"
            while name in owner:
                name += "b"
            if row.id != "":
                replaced.append(f"{row.at}: the id {fault}, so it became {name}")
        ids.append(name)
    n_made = sum(row.id == "" for row in rows)
    notes = [f"made {n_made} ids of the form {split}_0001"] if n_made else []
    more = [f"and {len(replaced) - _MOST_NAMED} more ids were replaced"] if len(replaced) > _MOST_NAMED else []
    return ids, [*notes, *replaced[:_MOST_NAMED], *more]
