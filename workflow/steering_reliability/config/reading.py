"""A parsed YAML config becomes a typed one, or one message that names every problem in plain words."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError

MOST_VALUES: Final = 100_000
DEEPEST: Final = 20
MOST_LISTED: Final = 50
_LONGEST: Final = 60
_MESSAGES: Final = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    "too_short": "must have at least {min_length} entries",
    "string_too_short": "must not be empty",
    **dict.fromkeys(("model_type", "dict_type"), "must be a mapping of keys"),
    "finite_number": "must be a finite number",
    "string_type": "must be text; put quotes around a number, yes or no",
    "list_or_dict_type": "must be a list, or a mapping of keys with a list for each",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be above {gt:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_long": "must have at most {max_length} characters",
    "invalid_key": "is a key that is not text",
}
"""By pydantic's name of an error, with the fields of its context."""


class Problem(NamedTuple):
    """What is wrong at one place of a config.

    `keys` is the way there, list elements by their number from 0; `what` has the key in front.
    """

    keys: tuple[str | int, ...]
    what: str


class ConfigError(InputError):
    """Everything that is wrong with the keys of a config.

    The first 50 problems are listed, each with its file and line of `places` (None where not known).
    """

    def __init__(self, problems: Sequence[Problem], *, where: str, places: Sequence[str | None] | None = None) -> None:
        self.problems = tuple(problems)
        lines = [
            f"  - {problem.what} [{place}]" if place else f"  - {problem.what}"
            for problem, place in zip(problems[:MOST_LISTED], places or [None] * MOST_LISTED, strict=False)
        ]
        if len(problems) > MOST_LISTED:
            lines.append(f"  - and {len(problems) - MOST_LISTED} more")
        super().__init__(
            "\n".join(["the configuration can't be used:", *lines]),
            where=where,
            fix="correct the keys named above; config.yaml explains every key",
        )


def load_config(raw: Mapping[str, Any], *, where: str = "config") -> Config:
    """Validate a parsed YAML config.

    `where` names the file in the message; `ConfigPlaces` finds files and lines.

    Raises:
        ConfigError: With every problem at once, unknown keys and values with the nearest known one.
        InputError: If it is too large to be one.
    """
    _check_size(raw, where=where)
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError(_problems(error.errors()), where=where) from None


def _check_size(raw: object, *, where: str) -> None:
    """Refuse what grows without end when it is read: YAML's aliases can name one list a billion times."""
    values, n_values = [(raw, 0)], 0
    while values:
        value, depth = values.pop()
        n_values += 1
        if n_values > MOST_VALUES or depth > DEEPEST:
            raise InputError(
                f"the configuration has more than {MOST_VALUES} values, or they are nested more than {DEEPEST} deep",
                where=where,
                fix="look for a surplus alias (*name) or bracket; split a grid as large as this into several runs",
            )
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        values += [(part, depth + 1) for part in parts]


def _problems(errors: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Word pydantic's errors; where a key takes a list or a mapping, only what is wrong with the one that was given."""
    refused = Counter(tuple(error["loc"])[:-1] for error in errors if _is_refused_branch(error))
    problems: dict[Problem, None] = {}
    for error in errors:
        kind = error["type"]
        if _is_refused_branch(error):
            if refused[tuple(error["loc"])[:-1]] == 1:
                # What was given is of the other kind.
                continue
            kind = "list_or_dict_type"
        keys = tuple(part for part in error["loc"] if not _is_branch(part) and part != "[key]")
        problems[_problem(error, kind=kind, keys=keys)] = None
    return list(problems)


def _is_refused_branch(error: Mapping[str, Any]) -> bool:
    return error["type"] in ("list_type", "dict_type") and _is_unnamed(error["loc"][-1])


def _is_unnamed(branch: object) -> bool:
    return str(branch).startswith(("list[", "dict["))


def _is_branch(part: object) -> bool:
    # Those in brackets are named in the schema.
    return _is_unnamed(part) or str(part).startswith("(")


def _problem(error: Mapping[str, Any], *, kind: str, keys: tuple[str | int, ...]) -> Problem:
    name, given, context = ".".join(map(str, keys)) or "config", error["input"], error.get("ctx", {})
    if kind == "value_error":
        message = str(context["error"])
        prefix = message.partition(":")[0]
        # A check over several keys names the one that it is about.
        if prefix.count(".") == 1:
            return Problem(tuple(prefix.split(".")), message)
        return Problem(keys, f"{name}: {message}")
    if kind == "extra_forbidden":
        section = _section(keys[:-1])
        return Problem(keys, f"{name}: unknown key{_nearest(keys[-1], list(section.model_fields) if section else [])}")
    if kind == "missing":
        return Problem(keys, f"{name}: is missing")
    if kind == "list_type":
        is_short = isinstance(given, str | int | float) and len(str(given)) <= _LONGEST
        what = f"must be a list, such as [{given}]" if is_short else "must be a list"
    elif kind == "too_short" and context["min_length"] == 1:
        what = "must not be empty"
    elif kind in _MESSAGES:
        what = _MESSAGES[kind].format(**context)
    else:
        what = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if kind == "string_pattern_mismatch":
        what += _description(keys)
    nearest = _nearest(given, re.findall(r"'([^']*)'", context["expected"])) if kind == "literal_error" else ""
    return Problem(keys, f"{name}: {what}{_got(given)}{nearest}")


def _description(keys: tuple[str | int, ...]) -> str:
    section = _section(keys[:-1])
    field = section.model_fields.get(str(keys[-1])) if section else None
    return f" ({field.description.rstrip('.')})" if field and field.description else ""


def _got(given: object) -> str:
    """What was given, as YAML writes it; nothing where that is long."""
    if given is None or isinstance(given, bool):
        return f" (got {json.dumps(given)})"
    if isinstance(given, str):
        return f" (got {given[:_LONGEST]!r})"
    return f" (got {given})" if len(str(given)) <= _LONGEST else ""


def _nearest(given: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(given).lower(), known, n=1, cutoff=0.5)
    return f"; did you mean `{near[0]}`?" if near else ""


def _section(keys: Sequence[str | int]) -> type[BaseModel] | None:
    section: type[BaseModel] | None = Config
    for key in keys:
        if isinstance(key, int):
            continue
        field = section.model_fields.get(key) if section else None
        section = _model_in(field.annotation) if field else None
    return section


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section in a type such as `list[PrefixPair]` or `RefusalTuningConfig | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
