"""Take in a user's own prompts from CSV, JSON or JSON Lines, whatever its encoding and field names."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from steering_reliability.errors import InputError
from steering_reliability.prompts.fields import collapse_space, fault_in_id, fault_in_text
from steering_reliability.prompts.problems import Problems
from steering_reliability.prompts.records import Record, read_records
from steering_reliability.prompts.schema import SPLITS, UNKNOWN, Prompt


@dataclass(frozen=True)
class FieldNames:
    """Which field of the user's file holds what; a dotted name reaches into objects ("meta.family").

    Args:
        prompt: The request.
        id: A unique name; made where it is None or a row has none.
        family: What is asked about; "unknown" where it is None or a row has none.
        style: How it is asked; likewise.
    """

    prompt: str = "prompt"
    id: str | None = None
    family: str | None = None
    style: str | None = None


@dataclass(frozen=True)
class Ingested:
    """The prompts of a user's file, and what was done to get them.

    Args:
        prompts: In file order.
        notes: One sentence per thing that the user should know: encoding guessed, ids made, duplicates dropped.
    """

    prompts: list[Prompt]
    notes: list[str]


def ingest_prompts(path: Path, *, split: str, fields: FieldNames) -> Ingested:
    """Read a CSV, TSV, JSON or JSON Lines file as one split.

    Encodings: UTF-8 or UTF-16 by byte order mark, else UTF-8, else Windows-1252 (noted). Line ends become LF and outer
    white space goes. A list gives its first element. A prompt that came before is dropped and noted.

    Args:
        path: The file; its suffix tells the format.
        split: `harm_train`, `harm_test` or `benign`.
        fields: Where to find prompt, id, family and style.

    Returns:
        The prompts and the notes.

    Raises:
        InputError: Once, with every row that has no usable prompt or id; also for an unknown split, an unreadable
            file, a field that no row has, or a file without prompts.
    """
    if split not in SPLITS:
        raise InputError(f"there is no split {split!r}", where="split", fix=f"use one of {', '.join(SPLITS)}")
    source = read_records(path, expected_field=fields.prompt)
    _check_fields(source.records, fields, path)
    problems = Problems(str(path))
    rows = [_Row.read(record, fields, problems) for record in source.records]
    kept, notes = _drop_duplicates(rows)
    prompts = _to_prompts(kept, split, fields, problems)
    problems.raise_if_any("correct these rows, or name other fields (without an id field, ids are made)")
    if not prompts:
        raise InputError("the file has no prompt in it", where=str(path), fix="give a file with at least one row")
    made = sum(1 for row in kept if not row.id)
    if made:
        notes.insert(0, f"made {made} ids of the form {split}_0001")
    return Ingested(prompts=prompts, notes=[*source.notes, *notes])


@dataclass(frozen=True)
class _Row:
    at: str
    id: str
    prompt: str
    family: str
    style: str

    @classmethod
    def read(cls, record: Record, fields: FieldNames, problems: Problems) -> "_Row":
        def text(name: str | None) -> str:
            value = "" if name is None else _as_text(_lookup(record.values, name))
            if value is None:
                problems.add("is neither text nor a number", at=record.at, field=name)
                return ""
            return value.replace("\r\n", "\n").replace("\r", "\n").strip()

        row = cls(record.at, text(fields.id), text(fields.prompt), text(fields.family), text(fields.style))
        for name, fault in (
            (fields.prompt, fault_in_text(row.prompt)),
            (fields.id, fault_in_id(row.id) if row.id else None),
            (fields.family, fault_in_text(row.family) if row.family else None),
            (fields.style, fault_in_text(row.style) if row.style else None),
        ):
            if fault:
                problems.add(fault, at=record.at, field=name)
        return row


def _lookup(values: object, name: str) -> object:
    if isinstance(values, dict) and name in values:
        return _first(values[name])
    head, dot, rest = name.partition(".")
    if dot and isinstance(values, dict) and head in values:
        return _lookup(_first(values[head]), rest)
    return None


def _first(value: object) -> object:
    while isinstance(value, list):
        value = value[0] if value else None
    return value


def _as_text(value: object) -> str | None:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_fields(records: Iterable[Record], fields: FieldNames, path: Path) -> None:
    present = list(records)
    known = list(dict.fromkeys(key for record in present for key in record.values))
    for name in (fields.prompt, fields.id, fields.family, fields.style):
        if name is not None and present and all(_lookup(record.values, name) is None for record in present):
            raise InputError(
                f"no row has a field {name!r}",
                where=str(path),
                fix=f"name one of its fields: {', '.join(map(repr, known))}",
            )


def _drop_duplicates(rows: list[_Row]) -> tuple[list[_Row], list[str]]:
    first: dict[str, _Row] = {}
    kept, notes = [], []
    for row in rows:
        owner = first.setdefault(collapse_space(row.prompt), row)
        if owner is row or not row.prompt:
            kept.append(row)
        else:
            notes.append(f"dropped {row.at}: the same prompt as {owner.at}")
    return kept, notes


def _to_prompts(rows: list[_Row], split: str, fields: FieldNames, problems: Problems) -> list[Prompt]:
    owner: dict[str, _Row] = {}
    for row in rows:
        if row.id and owner.setdefault(row.id, row) is not row:
            problems.add(f"the same id as {owner[row.id].at}, for another prompt", at=row.at, field=fields.id)
    prompts = []
    for number, row in enumerate(rows, start=1):
        name = row.id or f"{split}_{number:04d}"
        while not row.id and name in owner:
            name += "b"
        prompts.append(Prompt(name, row.prompt, row.family or UNKNOWN, row.style or UNKNOWN))
    return prompts
