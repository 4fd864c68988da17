"""What is wrong with a prompts file: every fault is named, with its line and field, before anything is computed.

It refuses a file or says nothing. `reading` decides what is read, so that another wording here makes no run stale.
"""

import codecs
import json
import unicodedata
from pathlib import Path
from typing import Any, Final, NoReturn

from steering_reliability.errors import InputError

_FIX: Final = (
    'write every line as {"id": "...", "prompt": "...", "meta": {"family": "...", "style": "..."}}, '
    "or convert the file with steering-reliability prompts --file"
)
_LONGEST_ID: Final = 200
_MOST_LISTED: Final = 20
_HALF_CHARACTER: Final = "contains half of a surrogate pair, which is not a character"
_MISSING: Final = object()


class Problems:
    """The faults found in one file, collected so that its owner hears of all of them at once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: list[str] = []

    def add(self, what: str, *, at: str, field: str | None = None) -> None:
        """Note what is wrong at a place ("line 3") and in which of its fields, where there is one."""
        self._found.append(f"{at}, {field}: {what}" if field else f"{at}: {what}")

    def raise_if_any(self, fix: str) -> None:
        """Raise one `InputError` that lists the faults in the order in which they were found, the first 20 in full."""
        if not self._found:
            return
        listed = [f"    {found}" for found in self._found[:_MOST_LISTED]]
        if len(self._found) > _MOST_LISTED:
            listed.append(f"    and {len(self._found) - _MOST_LISTED} more")
        noun = "problem" if len(self._found) == 1 else "problems"
        raise InputError("\n".join([f"{len(self._found)} {noun} in this file", *listed]), where=self.source, fix=fix)


def read_content(path: Path) -> bytes:
    """Read a prompts file's bytes; an `InputError` says why it cannot be read, or that it is UTF-16."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        what = "there is no such prompts file"
        raise InputError(what, where=str(path), fix="check the data section of the config") from None
    except OSError as error:
        what = f"the prompts file cannot be read: {error.strerror}"
        raise InputError(what, where=str(path), fix="give a readable file") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        what = "the file is UTF-16, not UTF-8"
        raise InputError(what, where=str(path), fix="convert it with steering-reliability prompts --file")
    return content


def check_content(content: bytes, *, split: str, source: str) -> None:
    """Refuse the content of a JSON Lines prompts file with any fault; blank lines are none.

    Raises:
        InputError: Once, with all faults: not UTF-8, invalid JSON, a missing, empty, unknown or wrongly typed field,
            an unsafe id, an id or a prompt that came before. Also if there is no prompt.
    """
    problems = Problems(source)
    first_line: dict[tuple[str, str], int] = {}
    n_records = 0
    for number, raw in enumerate(content.split(b"\n"), start=1):
        at = f"line {number}"
        record = _parse_line(raw, at, problems)
        if record is None:
            continue
        n_records += 1
        for field, what in _faults(record):
            problems.add(what, at=at, field=field)
        for field in ("id", "prompt"):
            value = record.get(field)
            if isinstance(value, str) and value.strip():
                key = (field, collapse_space(value) if field == "prompt" else value)
                if first_line.setdefault(key, number) != number:
                    problems.add(f"the same as on line {first_line[key]}", at=at, field=field)
    problems.raise_if_any(_FIX)
    if not n_records:
        raise InputError(f"the split {split} has no prompt", where=source, fix="add at least one prompt")


def fault_in_id(value: str) -> str | None:
    """Say in a short phrase what is wrong with an id, or None: it names rows of files, so it must be safe there."""
    if value != value.strip():
        return "has spaces around it"
    if len(value) > _LONGEST_ID:
        return f"has {len(value)} characters, {_LONGEST_ID} are allowed"
    if "/" in value or "\\" in value or value in {".", ".."}:
        return f"{value!r} looks like a path"
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in value):
        return f"{value!r} contains control characters"
    return fault_in_text(value)


def fault_in_text(value: str) -> str | None:
    """Say in a short phrase what is wrong with a text, or None: a tokenizer and a file must be able to take it."""
    if not value.strip():
        return "is empty"
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in value):
        return "contains control characters"
    return _HALF_CHARACTER if any("\ud800" <= character <= "\udfff" for character in value) else None


def collapse_space(text: str) -> str:
    """Unicode NFC with every run of white space as one space: the form in which duplicates are looked for."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _parse_line(raw: bytes, at: str, problems: Problems) -> dict[str, Any] | None:
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
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} appears twice in one object")
    return record


def _faults(record: dict[str, Any]) -> list[tuple[str, str]]:
    faults = [(key, "unknown field, put it into meta") for key in record if key not in ("id", "prompt", "meta")]
    meta = record.get("meta", {})
    strings = {field: record.get(field, _MISSING) for field in ("id", "prompt")}
    if isinstance(meta, dict):
        strings |= {field: meta[field] for field in ("family", "style") if field in meta}
    for field, value in strings.items():
        if value is _MISSING:
            faults.append((field, "is missing"))
        elif not isinstance(value, str):
            faults.append((field, f"must be a string, not {_kind(value)}"))
        elif fault := fault_in_id(value) if field == "id" else fault_in_text(value):
            faults.append((field, fault))
    if not isinstance(meta, dict):
        faults.append(("meta", f"must be an object, not {_kind(meta)}"))
    elif not _is_writable(meta):
        faults.append(("meta", _HALF_CHARACTER))
    return faults


def _is_writable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names: dict[type, str] = {int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names[type(value)]
