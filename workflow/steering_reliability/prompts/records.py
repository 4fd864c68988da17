"""Read the rows of a CSV, TSV, JSON, JSON Lines or text file in any common encoding."""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError

_DELIMITERS = (",", ";", "\t", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the UTF-16 mark, so it must be tried before it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Record:
    """One row: its place in the file ("row 3", "line 3") and its fields."""

    at: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Records:
    """All rows of a file, and notes on how it had to be read."""

    records: list[Record]
    notes: list[str]


def read_records(path: Path, *, expected_field: str) -> Records:
    """Read a file of rows.

    Args:
        path: `.csv`, `.tsv`, `.json` (a list, or an object that holds exactly one), `.jsonl` / `.ndjson`, or `.txt` (a
            row on each line).
        expected_field: A column that should be there, in whatever case; it tells which delimiter a CSV file uses, and
            names the lines of a text file and the items of a JSON list of plain strings.

    Returns:
        The rows; rows without any content are skipped.

    Raises:
        InputError: If the file is missing, in another format or encoding, or malformed; names the line.
    """
    readers: dict[str, Callable[[str, Path, str], list[Record]]] = {
        ".csv": _read_csv,
        ".tsv": _read_csv,
        ".json": _read_json,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
        ".txt": _read_lines,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"cannot tell the format from {path.suffix!r}", where=str(path), fix=f"use one of {', '.join(readers)}"
        )
    text, notes = _decode(path)
    return Records(records=reader(text, path, expected_field), notes=notes)


def _decode(path: Path) -> tuple[str, list[str]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the file: {error.strerror}", where=str(path), fix="check the path") from None
    marked = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        notes = ["not UTF-8: read as Windows-1252, so check the accented letters"] if encoding == "cp1252" else []
        return text, notes
    raise InputError(
        "the text is in no known encoding (UTF-8, UTF-16 with a byte order mark, Windows-1252)",
        where=str(path),
        fix="save it as UTF-8",
    )


def _read_csv(text: str, path: Path, expected_field: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, expected_field), strict=True)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    header: list[str] | None = None
    records: list[Record] = []
    number, end = 0, 0
    try:
        for cells in reader:
            start, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _check_header([cell.strip() for cell in cells], path)
                continue
            number += 1
            if len(cells) != len(header):
                raise _malformed(f"{len(cells)} cells under a header of {len(header)}", path, f"line {start}")
            place = f"row {number} (line {start})"
            records.append(Record(at=place, values=dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise _malformed(str(error), path, f"the row that begins on line {end + 1}") from None
    return records


def _delimiter(text: str, expected_field: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        header = next(csv.reader([first], delimiter=delimiter), [])
        if expected_field.casefold() in [cell.strip().casefold() for cell in header]:
            return delimiter
    return max(_DELIMITERS, key=first.count)


def _check_header(names: list[str], path: Path) -> list[str]:
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise _malformed(f"the column {repeated[0]!r} stands there twice", path, "header")
    return names


def _read_json(text: str, path: Path, expected_field: str) -> list[Record]:
    data = _loads(text, path, None)
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else data
    if not isinstance(data, list):
        raise _malformed("neither a list of rows nor an object that holds exactly one list", path, "top level")
    return [_record(value, f"row {number}", path, expected_field) for number, value in enumerate(data, start=1)]


def _read_jsonl(text: str, path: Path, expected_field: str) -> list[Record]:
    return [
        _record(_loads(line, path, number), f"line {number}", path, expected_field) for number, line in _lines(text)
    ]


def _read_lines(text: str, _path: Path, expected_field: str) -> list[Record]:
    return [Record(at=f"line {number}", values={expected_field: line}) for number, line in _lines(text)]


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers."""
    lines = re.split(r"\r\n|\n|\r", text)
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _loads(text: str, path: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _malformed(f"invalid JSON: {error.msg}", path, f"line {line or error.lineno}") from None
    except (ValueError, RecursionError) as error:
        raise _malformed(f"invalid JSON: {error}", path, f"line {line}" if line else "top level") from None


def _record(value: object, at: str, path: Path, expected_field: str) -> Record:
    if isinstance(value, str):
        return Record(at=at, values={expected_field: value})
    if not isinstance(value, dict):
        raise _malformed("must be an object with fields", path, at)
    return Record(at=at, values=value)


def _malformed(what: str, path: Path, at: str) -> InputError:
    return InputError(what, where=f"{path}, {at}", fix="correct the file, or save it again as CSV or JSON Lines")
