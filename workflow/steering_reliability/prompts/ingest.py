"""Take in a user's own prompts from CSV, JSON, JSON Lines or plain text, whatever its encoding and field names."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.check import copies_note
from steering_reliability.prompts.fields import collapse_space, fault_in_text
from steering_reliability.prompts.ids import usable_ids
from steering_reliability.prompts.problems import Problems
from steering_reliability.prompts.record_fields import find_field, listed, read_field, value_of
from steering_reliability.prompts.records import Record, read_records
from steering_reliability.prompts.schema import SPLITS, UNKNOWN, Prompt, to_jsonl
from steering_reliability.prompts.validate import check_content

_MOST_PAIRS: Final = 20


@dataclass(frozen=True)
class FieldNames:
    """Which field of the user's file holds what; a dotted name reaches into objects ("meta.family").

    A name that the file writes in another case is found.

    Args:
        prompt: The request.
        id: A unique name; made where it is None, or a row has none that can be used.
        family: What is asked about; "unknown" where it is None or a row has none.
        style: How it is asked; likewise.
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

    Args:
        prompts: In file order.
        notes: One sentence per thing that the user should know: encoding guessed, rows left out, ids made or replaced,
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

    Args:
        path: The file; its suffix tells the format.
        split: `harm_train`, `harm_test` or `benign`.
        fields: Where to find prompt, id, family, style and context.
        where: Field -> values; only rows that have one of the values in each of these fields are kept.

    Returns:
        The prompts and the notes.

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
    ids, named = usable_ids([row.id for row in kept], places=[row.at for row in kept], split=split)
    prompts = [
        Prompt(name, row.prompt, row.family or UNKNOWN, row.style or UNKNOWN)
        for name, row in zip(ids, kept, strict=True)
    ]
    check_content(to_jsonl(prompts), split=split, source=str(path))
    copies = copies_note(prompts, split=split, most=_MOST_PAIRS)
    notes = [*source.notes, *left_out, *renamed, *named, *dropped, *filter(None, [copies])]
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
            value = "" if name is None else read_field(record, name)
            fault = "is neither text nor a number" if value is None else fault_in_text(value)
            if fault and (value or value is None or is_needed):
                problems.add(fault, at=record.at, field=name)
            return value or ""

        context, request = text(fields.context), text(fields.prompt, is_needed=True)
        prompt = f"{context}\n\n{request}" if context else request
        own_id = "" if fields.id is None else read_field(record, fields.id)
        return cls(record.at, own_id, prompt, text(fields.family), text(fields.style))


def _keep(
    records: Sequence[Record], where: Mapping[str, Sequence[str]], source: str
) -> tuple[Sequence[Record], list[str]]:
    """The rows that are asked for, and a note of how many there were."""
    kept = records
    for name, wanted in where.items():
        field = find_field(name, records=records, source=source)
        values = list(dict.fromkeys(value for record in records if (value := value_of(record, field))))
        for value in wanted:
            if value not in values:
                fix = f"use one of its values: {listed(values)}" if values else "name another field"
                raise InputError(f"no row has {field}={value}", where=source, fix=fix)
        kept = [record for record in kept if value_of(record, field) in wanted]
    asked = " and ".join(f"{name}={' or '.join(values)}" for name, values in where.items())
    if not kept:
        raise InputError(f"no row has {asked} at once", where=source, fix="ask for less")
    return kept, [f"kept {len(kept)} of {len(records)} rows, those with {asked}"] if where else []


def _find(fields: FieldNames, records: Sequence[Record], source: str) -> tuple[FieldNames, list[str]]:
    """The fields as the file writes them, and notes on those that are written otherwise or empty in every row."""
    asked = astuple(fields)
    own = [name and find_field(name, records=records, source=source) for name in asked]
    found = FieldNames(*own)
    notes = [f"the field {name!r} is {other!r} here" for name, other in zip(asked, own, strict=True) if name != other]
    for name in filter(None, own):
        if all(read_field(record, name) == "" for record in records):
            what = f"the field {name!r} is there, but empty in every row"
            if name == found.prompt:
                raise InputError(what, where=source, fix="name the field that holds the request")
            notes.append(what)
    return found, notes


def _drop_duplicates(rows: Sequence[_Row]) -> tuple[list[_Row], list[str]]:
    first: dict[str, _Row] = {}
    kept, notes = [], []
    for row in rows:
        owner = first.setdefault(collapse_space(row.prompt), row)
        if owner is row:
            kept.append(row)
        else:
            notes.append(f"dropped {row.at}: the same prompt as {owner.at}")
    return kept, notes
