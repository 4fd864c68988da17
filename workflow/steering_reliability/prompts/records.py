"""Read the rows of a CSV, TSV, JSON, JSON Lines, Parquet or text file, and find fields in them."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steering_reliability.errors import InputError

_DELIMITERS: Final = (",", ";", "\t", "|")
FORMATS: Final = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt")
_MOST_NAMED: Final = 20
_BOMS: Final = (
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

    def text(self, name: str) -> str | None:
        """Return a field's text without white space around it; line ends become LF, and a list gives its first element.

        Returns:
            "" where the row has no such field or an empty one, None where it is neither text nor a number.
        """
        value = _lookup(self.values, name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()

    def compared(self, name: str) -> str:
        """Return what a field is compared with, "true" and "false" among it; "" where there is nothing to compare."""
        value = _lookup(self.values, name)
        return str(value).lower() if isinstance(value, bool) else self.text(name) or ""


@dataclass(frozen=True)
class Records:
    """All rows of a file, and notes on how it had to be read.

    `is_plain` says that the file has no fields: a text file, or a list of strings.
    """

    records: list[Record]
    notes: list[str]
    is_plain: bool = False


def read_all(paths: Sequence[Path], *, expected_field: str) -> Records:
    """Read several files of rows as one; where there are several, every row's place has the name of its file."""
    if len(paths) == 1:
        return read_records(paths[0], expected_field=expected_field)
    read = {path: read_records(path, expected_field=expected_field) for path in paths}
    return Records(
        [Record(f"{path.name}, {row.at}", row.values) for path, found in read.items() for row in found.records],
        [f"{path.name}: {note}" for path, found in read.items() for note in found.notes],
        is_plain=all(found.is_plain for found in read.values()),
    )


def read_records(path: Path, *, expected_field: str) -> Records:
    """Read a file of rows.

    Args:
        path: `.csv`, `.tsv`, `.json` (a list, or an object that holds exactly one), `.jsonl` / `.ndjson`, `.parquet`,
            or `.txt` (a row on each line).
        expected_field: A column that should be there, in whatever case; it tells which delimiter a CSV file uses, and
            names the lines of a text file and the items of a JSON list of plain strings.

    Returns:
        The rows; rows without any content are skipped.

    Raises:
        InputError: If the file is missing, in another format or encoding, or malformed; names the line.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        what = f"cannot tell the format from {path.suffix!r}"
        raise InputError(what, where=str(path), fix=f"use one of {', '.join(FORMATS)}")
    if suffix == ".parquet":
        return Records(_read_parquet(path), [])
    text, notes = _decode(path)
    if suffix in (".csv", ".tsv"):
        return Records(list(_read_csv(text, path, expected_field)), notes)
    if suffix == ".json":
        values = [(f"row {number}", value) for number, value in enumerate(_read_json(text, path), start=1)]
    else:
        lines = enumerate(re.split(r"\r\n|\n|\r", text), start=1)
        values = [(f"line {number}", line) for number, line in lines if line.strip()]
        if suffix != ".txt":
            values = [(at, _loads(line, path, at=at)) for at, line in values]
    is_plain = all(isinstance(value, str) for _, value in values)
    return Records([_record(value, at, path, expected_field) for at, value in values], notes, is_plain=is_plain)


def find_field(name: str, *, records: Sequence[Record], source: str) -> str:
    """Return a field's name as the file writes it: the same, or the only one that differs from it in case alone.

    A dotted name reaches into objects ("meta.family"). There is at least one record; errors name the `source`.

    Raises:
        InputError: If no row has such a field, or several fields differ from it in case alone.
    """
    known = fields_of(records)
    if name in known:
        return name
    alike = [field for field in known if field.casefold() == name.casefold()]
    if len(alike) > 1:
        what = f"the field {name!r} could be any of {listed(alike)}"
        raise InputError(what, where=source, fix="write it as the file does")
    if not alike:
        raise InputError(f"no row has a field {name!r}", where=source, fix=f"name one of its fields: {listed(known)}")
    return alike[0]


def fields_of(records: Iterable[Record]) -> list[str]:
    """The fields that any row has, in the order in which they come; those inside objects have dotted names."""
    return list(dict.fromkeys(field for record in records for field in _names(record.values)))


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first 20 in full."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more


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
    what = "the text is in no known encoding (UTF-8, UTF-16 with a byte order mark, Windows-1252)"
    raise InputError(what, where=str(path), fix="save it as UTF-8")


def _read_parquet(path: Path) -> list[Record]:
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - only a Parquet file needs it

    try:
        with path.open("rb") as file:
            rows = parquet.ParquetFile(file).read().to_pylist()
    except OSError as error:
        # pyarrow raises it for a damaged file too, without a number.
        what = f"cannot read the file: {error.strerror or error}"
        raise InputError(what, where=str(path), fix="check the path, or fetch the file again") from None
    except (ArrowException, ValueError) as error:
        raise _malformed(f"invalid Parquet: {error}", path, "the whole") from None
    return [Record(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _read_csv(text: str, path: Path, expected_field: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, expected_field), strict=True)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    header: list[str] = []
    number, end = 0, 0
    try:
        for cells in reader:
            start, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                repeated = sorted({name for name in header if name and header.count(name) > 1})
                if repeated:
                    raise _malformed(f"the column {repeated[0]!r} appears twice", path, "header")
                continue
            number += 1
            if len(cells) != len(header):
                raise _malformed(f"{len(cells)} cells under a header of {len(header)}", path, f"line {start}")
            yield Record(f"row {number} (line {start})", dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise _malformed(str(error), path, f"the row that begins on line {end + 1}") from None


def _delimiter(text: str, expected_field: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        header = next(csv.reader([first], delimiter=delimiter), [])
        if expected_field.casefold() in [cell.strip().casefold() for cell in header]:
            return delimiter
    return max(_DELIMITERS, key=first.count)


def _read_json(text: str, path: Path) -> list[Any]:
    data = _loads(text, path)
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        data = lists[0] if len(lists) == 1 else data
    if not isinstance(data, list):
        raise _malformed("neither a list of rows nor an object that holds exactly one list", path, "top level")
    return data


def _loads(text: str, path: Path, *, at: str = "") -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _malformed(f"invalid JSON: {error.msg}", path, at or f"line {error.lineno}") from None
    except (ValueError, RecursionError) as error:
        raise _malformed(f"invalid JSON: {error}", path, at or "top level") from None


def _record(value: object, at: str, path: Path, expected_field: str) -> Record:
    if isinstance(value, str):
        return Record(at=at, values={expected_field: value})
    if not isinstance(value, dict):
        raise _malformed("must be an object with fields", path, at)
    return Record(at=at, values=value)


def _malformed(what: str, path: Path, at: str) -> InputError:
    return InputError(what, where=f"{path}, {at}", fix="correct the file, or save it again as CSV or JSON Lines")


def _names(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{prefix}{key}"
        inner = _first(value)
        if isinstance(inner, dict):
            yield from _names(inner, f"{prefix}{key}.")


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
