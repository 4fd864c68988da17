"""Read a user's prompts from CSV, JSON, JSON Lines, Parquet or plain text, whatever its encoding and field names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.check import copies_note
from steering_reliability.prompts.records import Record, Records, fields_of, find_field, listed, read_all
from steering_reliability.prompts.schema import SPLITS, UNKNOWN, Prompt, to_jsonl
from steering_reliability.prompts.sets import (
    FieldNames,
    KnownSet,
    Layout,
    fields_present,
    kind_note,
    kind_of,
    layout_of,
    prompt_like,
    recognise,
)
from steering_reliability.prompts.validate import Problems, check_content, collapse_space, fault_in_id, fault_in_text

_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class Ingested:
    """The prompts of a user's file, and what was done to get them.

    `notes` has one sentence per thing that the user should know: the set that was recognised, encoding guessed, rows
    left out, ids made or replaced, duplicates dropped, near copies. `known` is the public set that the file is, None
    for another; `fields` are those that were read, of `n_rows` rows.
    """

    prompts: list[Prompt]
    notes: list[str]
    known: KnownSet | None
    fields: FieldNames
    n_rows: int


@dataclass(frozen=True)
class _Reading:
    """How a file is read: its fields, and the set whose layout it has."""

    fields: FieldNames
    known: KnownSet | None = None
    layout: Layout | None = None
    notes: tuple[str, ...] = ()


def ingest_prompts(
    paths: Sequence[Path],
    *,
    split: str,
    fields: Mapping[str, str] | None = None,
    known: KnownSet | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
) -> Ingested:
    """Read a CSV, TSV, JSON, JSON Lines, Parquet or text file, or several of one kind, as one split.

    Encodings: UTF-8 or UTF-16 by byte order mark, else UTF-8, else Windows-1252 (noted). Line ends become LF and outer
    white space goes. A list gives its first element. A prompt that came before is dropped, an id that can't be used is
    replaced; both are noted. What comes out is what the workflow accepts.

    The file's suffix tells the format. Of a set that has harmful and benign rows, those of the split's kind are kept.

    Args:
        paths: The files.
        split: Which prompts they are.
        fields: Fields by the names of `FieldNames`, in place of those of the set; "" leaves one out.
        known: The public set that the file is. None: with a prompt field none is looked for, else it is recognised by
            its columns.
        where: Fields to values: only rows that have one of the values in each of them are kept.

    Raises:
        InputError: Once, with every row that has no usable prompt or label; also for an unknown split, an unreadable
            file, a field that no row has, a value that matches no row, or a file without prompts.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}", where="split", fix=f"use one of {', '.join(SPLITS)}")
    named, source = dict(fields or {}), ", ".join(map(str, paths))
    rows = read_all(paths, expected_field=named.get("prompt") or "prompt")
    if not rows.records:
        raise InputError("the file has no prompt in it", where=source, fix="give a file with at least one row")
    reading = _reading(rows, named, known, paths[0].name, source)
    kept, halved = _half(rows.records, reading, where or {}, split, source)
    records, left_out = _keep(kept, where or {}, source)
    found, renamed = _find(reading.fields, records, source)
    prefix = f"{reading.known.name}_" if reading.known else ""
    made, dropped, prompts = _prompts(records, found, split, source, prefix)
    check_content(to_jsonl(prompts), split=split, source=source)
    notes = [*rows.notes, *reading.notes, *halved, *left_out, *renamed, *made, *dropped]
    notes.append(copies_note(prompts, split=split, most=_MOST_NAMED))
    if reading.known is not None and reading.layout is not None:
        notes.append(kind_note(reading.known, reading.layout, file=paths[0].name, split=split))
    return Ingested(prompts, [*filter(None, notes)], reading.known, found, n_rows=len(rows.records))


def _reading(rows: Records, named: Mapping[str, str], known: KnownSet | None, file: str, source: str) -> _Reading:
    """The fields to read: those of a set, and over them those that the user names."""
    if known is not None:
        return _of_set(known, layout_of(known, rows, where=source), rows, named)
    columns = fields_of(rows.records)
    own = FieldNames().renamed(named)
    if named.get("prompt"):
        return _Reading(own)
    found = recognise(rows, file=file)
    if len(found) > 1:
        what = f"the file could be {' or '.join(known.title for known, _ in found)}"
        raise InputError(what, where=source, fix=f"say which: --from {' or '.join(known.name for known, _ in found)}")
    if found:
        reading = _of_set(*found[0], rows, named)
        told = "the file's name" if found[0][0].is_named else "its columns"
        note = f"recognised as {found[0][0].title} by {told}; name the columns (--prompt-field) if it is another"
        return replace(reading, notes=(note,))
    if own.prompt.casefold() in map(str.casefold, columns):
        return _Reading(own)
    likely = prompt_like(rows.records)
    fix = f"name the field of the prompts with --prompt-field: {listed(columns)}"
    if likely:
        looks = "looks" if len(likely) == 1 else "look"
        fix = f"give --prompt-field: {' or '.join(map(repr, likely))} {looks} like prompts"
    raise InputError(
        f"no row has a field 'prompt', and its fields {listed(columns)} are those of no known set",
        where=source,
        fix=fix,
    )


def _of_set(known: KnownSet, layout: Layout, rows: Records, named: Mapping[str, str]) -> _Reading:
    fields = fields_present(layout.fields, rows.records)
    return _Reading(fields.renamed({**fields.named(), **named}), known, layout)


def _half(
    records: Sequence[Record], reading: _Reading, where: Mapping[str, Sequence[str]], split: str, source: str
) -> tuple[Sequence[Record], list[str]]:
    """The rows of the split's kind, where a set has both and no condition of the user is on what tells them."""
    if reading.layout is None or reading.known is None or reading.layout.unsafe is None:
        return records, []
    name, pattern = reading.layout.unsafe
    if name.casefold() in map(str.casefold, where):
        return records, []
    field, kind = find_field(name, records=records, source=source), kind_of(split)
    kept = [
        record
        for record in records
        if (re.fullmatch(pattern, record.compared(field)) is not None) == (kind == "harmful")
    ]
    if not kept:
        fix = "give the whole file of the set, or another --split"
        raise InputError(f"no row of {reading.known.title} is {kind} by its {field}", where=source, fix=fix)
    return kept, [
        f"kept {len(kept)} of {len(records)} rows of {reading.known.title}, those that are {kind} by their {field}"
    ]


def _prompts(
    records: Sequence[Record], fields: FieldNames, split: str, source: str, prefix: str
) -> tuple[list[str], list[str], list[Prompt]]:
    """Notes on ids, notes on duplicates, and the prompts; an id that is a number gets the prefix."""
    problems = Problems(source)
    rows = [_Row.read(record, fields, problems) for record in records]
    rows = [replace(row, id=f"{prefix}{row.id}") if row.id and row.id.isdigit() else row for row in rows]
    problems.raise_if_any("correct these rows, leave them out, or name other fields")
    kept, dropped = _drop_duplicates(rows)
    ids, made = _usable_ids(kept, split=split)
    prompts = [
        Prompt(name, row.prompt, row.family or UNKNOWN, row.style or UNKNOWN, row.extra)
        for name, row in zip(ids, kept, strict=True)
    ]
    return made, dropped, prompts


@dataclass(frozen=True)
class _Row:
    at: str
    id: str | None
    prompt: str
    family: str
    style: str
    extra: Mapping[str, str]

    @classmethod
    def read(cls, record: Record, fields: FieldNames, problems: Problems) -> "_Row":
        def text(name: str | None, *, is_needed: bool = False) -> str:
            value = "" if name is None else record.text(name)
            fault = "is neither text nor a number" if value is None else fault_in_text(value)
            if fault and (value or value is None or is_needed):
                problems.add(fault, at=record.at, field=name)
            return value or ""

        parts = (text(fields.context), text(fields.prompt, is_needed=True), text(fields.material))
        given = "" if fields.id is None else record.text(fields.id)
        extra = {key: value for key, field in fields.extra.items() if (value := text(field))}
        return cls(record.at, given, "\n\n".join(filter(None, parts)), text(fields.family), text(fields.style), extra)


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
    given = fields.named()
    written = {name: find_field(field, records=records, source=source) for name, field in given.items()}
    notes = [f"the field {given[name]!r} is {field!r} here" for name, field in written.items() if field != given[name]]
    found = fields.renamed(written)
    for name in written.values():
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
