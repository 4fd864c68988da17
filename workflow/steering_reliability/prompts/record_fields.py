"""Find a named field in the rows of a user's file, and read it as text."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.records import Record

_MOST_NAMED: Final = 20


def find_field(name: str, *, records: Sequence[Record], source: str) -> str:
    """Return a field's name as the file writes it: the same, or the only one that differs from it in case alone.

    Args:
        name: As the user writes it; a dotted name reaches into objects ("meta.family").
        records: The rows, at least one.
        source: The file, named in errors.

    Raises:
        InputError: If no row has such a field, or several fields differ from it in case alone.
    """
    known = list(dict.fromkeys(field for record in records for field in _names(record.values)))
    if name in known:
        return name
    alike = [field for field in known if field.casefold() == name.casefold()]
    if len(alike) > 1:
        raise InputError(
            f"the field {name!r} could be any of {listed(alike)}", where=source, fix="write it as the file does"
        )
    if not alike:
        raise InputError(f"no row has a field {name!r}", where=source, fix=f"name one of its fields: {listed(known)}")
    return alike[0]


def read_field(record: Record, name: str) -> str | None:
    """Return a field's text without white space around it; line ends become LF, and a list gives its first element.

    Args:
        record: The row.
        name: As `find_field` returns it.

    Returns:
        "" where the row has no such field or an empty one, None where it is neither text nor a number.
    """
    value = _lookup(record.values, name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\r\n", "\n").replace("\r", "\n").strip()


def value_of(record: Record, name: str) -> str:
    """Return what a field is compared with, "true" and "false" among it; "" where there is nothing to compare.

    Args:
        record: The row.
        name: As `find_field` returns it.
    """
    value = _lookup(record.values, name)
    return str(value).lower() if isinstance(value, bool) else read_field(record, name) or ""


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first 20 in full."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(repr, names[:_MOST_NAMED])) + more


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
