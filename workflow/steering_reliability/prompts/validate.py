"""What is wrong with a prompts file: every fault is named, with its line and field, before anything is computed.

It refuses a file or says nothing. `reading` decides what is read, so that another wording here makes no run stale.
"""

import codecs
import json
from pathlib import Path
from typing import Any, NoReturn

from steering_reliability.errors import InputError
from steering_reliability.prompts.fields import collapse_space, fault_in_id, fault_in_text
from steering_reliability.prompts.problems import Problems

_FIX = (
    'write every line as {"id": "...", "prompt": "...", "meta": {"family": "...", "style": "..."}}, '
    "or convert the file with scripts/make_prompts.py --ingest"
)
_FIELDS = ("id", "prompt", "meta")


def check_file(path: Path, *, split: str) -> None:
    """Refuse a JSON Lines prompts file with any fault; blank lines and a UTF-8 byte order mark are none.

    Args:
        path: The file.
        split: The split it is for, named in errors.

    Raises:
        InputError: Once, with all faults: not UTF-8, invalid JSON, a missing, empty, unknown or wrongly typed field,
            an unsafe id, an id or a prompt that came before. Also if the file is missing or has no prompt.
    """
    check_content(_read_bytes(path), split=split, source=str(path))


def check_content(content: bytes, *, split: str, source: str) -> None:
    """Refuse the content of a prompts file with any fault, as `check_file` does.

    Args:
        content: Without a byte order mark.
        split: The split it is for.
        source: The file, named in errors.
    """
    problems = Problems(source)
    first_line_of: dict[tuple[str, str], int] = {}
    n_records = 0
    for number, raw in enumerate(content.split(b"\n"), start=1):
        record = _parse_line(raw, number, problems)
        if record is None:
            continue
        n_records += 1
        _check_record(record, number, problems)
        _check_repeats(record, number, first_line_of, problems)
    problems.raise_if_any(_FIX)
    if not n_records:
        raise InputError(f"the split {split} has no prompt", where=source, fix="add at least one prompt")


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            "there is no such prompts file", where=str(path), fix="check the data section of the config"
        ) from None
    except OSError as error:
        raise InputError(
            f"the prompts file cannot be read: {error.strerror}", where=str(path), fix="give a readable file"
        ) from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            "the file is UTF-16, not UTF-8", where=str(path), fix="convert it with scripts/make_prompts.py --ingest"
        )
    return data.removeprefix(codecs.BOM_UTF8)


def _parse_line(raw: bytes, number: int, problems: Problems) -> dict[str, Any] | None:
    at = f"line {number}"
    if not raw.strip():
        return None
    try:
        record = json.loads(raw.decode("utf-8"), parse_constant=_reject, object_pairs_hook=_unique_keys)
    except UnicodeDecodeError as error:
        problems.add(f"is not UTF-8 (byte {error.start + 1} of the line)", at=at)
    except json.JSONDecodeError as error:
        problems.add(f"invalid JSON: {error.msg} (column {error.colno})", at=at)
    except (ValueError, RecursionError) as error:
        problems.add(f"invalid JSON: {error}", at=at)
    else:
        if isinstance(record, dict):
            return record
        problems.add(f"must be a JSON object, not {_kind(record)}", at=at)
    return None


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return record


def _check_record(record: dict[str, Any], number: int, problems: Problems) -> None:
    at = f"line {number}"
    meta = record.get("meta", {})
    faults: list[tuple[str, str]] = [(key, "unknown field, put it into meta") for key in record if key not in _FIELDS]
    faults += _fault_of_string("id", record, required=True) + _fault_of_string("prompt", record, required=True)
    if not isinstance(meta, dict):
        faults.append(("meta", f"must be an object, not {_kind(meta)}"))
    else:
        faults += _fault_of_string("family", meta, required=False) + _fault_of_string("style", meta, required=False)
        if not _is_writable(meta):
            faults.append(("meta", "contains half of a surrogate pair, which is not a character"))
    for field, what in faults:
        problems.add(what, at=at, field=field)


def _fault_of_string(field: str, record: dict[str, Any], *, required: bool) -> list[tuple[str, str]]:
    if field not in record:
        return [(field, "is missing")] if required else []
    value = record[field]
    if not isinstance(value, str):
        return [(field, f"must be a string, not {_kind(value)}")]
    fault = fault_in_id(value) if field == "id" else fault_in_text(value)
    return [(field, fault)] if fault else []


def _check_repeats(
    record: dict[str, Any], number: int, first_line_of: dict[tuple[str, str], int], problems: Problems
) -> None:
    for field in ("id", "prompt"):
        value = record.get(field)
        if not isinstance(value, str) or not value.strip():
            continue
        key = (field, collapse_space(value) if field == "prompt" else value)
        first = first_line_of.setdefault(key, number)
        if first != number:
            problems.add(f"the same as on line {first}", at=f"line {number}", field=field)


def _is_writable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    names: dict[type, str] = {int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names[type(value)]
