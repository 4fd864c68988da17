"""A parsed YAML config becomes a typed one, or one message that names every problem."""

import difflib
import math
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from steering_reliability.config import Config, PrefixPair
from steering_reliability.errors import InputError

MOST_VALUES: Final = 100_000
DEEPEST: Final = 20


def load_config(raw: Mapping[str, Any], *, where: str = "config") -> Config:
    """Validate a parsed YAML config.

    Args:
        raw: The mapping that Snakemake or PyYAML read.
        where: Name of the file, for the message.

    Raises:
        InputError: With every problem at once, unknown keys with the nearest known one.
    """
    _check_size(raw, where=where)
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        lines = [_explain(problem) for problem in error.errors()]
        raise InputError(
            "the configuration can't be used:\n" + "\n".join(f"  - {line}" for line in lines),
            where=where,
            fix="correct the keys named above; config.yaml explains every key",
        ) from None


def _check_size(raw: object, *, where: str) -> None:
    """Refuse what grows without end when it is read: YAML's aliases can name one list a billion times."""
    values, met = [(raw, 0)], 0
    while values:
        value, depth = values.pop()
        met += 1
        if met > MOST_VALUES or depth > DEEPEST:
            raise InputError(
                f"the configuration has more than {MOST_VALUES} values, or they are nested more than {DEEPEST} deep",
                where=where,
                fix="look for an alias (*name) or bracket too many; a grid as large as this has to be several runs",
            )
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        values += [(part, depth + 1) for part in parts]


def _explain(problem: Any) -> str:
    location = [str(part) for part in problem["loc"] if not str(part).startswith(("list[", "dict["))]
    key = ".".join(location) or "config"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(location[-1], _known_keys(location[:-1]), n=1, cutoff=0.5)
        return f"{key}: unknown key" + (f"; did you mean `{near[0]}`?" if near else "")
    if problem["type"] == "missing":
        return f"{key}: is missing"
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        return message if message.partition(":")[0].count(".") == 1 else f"{key}: {message}"
    given = problem.get("input")
    shown = "" if isinstance(given, dict | list) and len(str(given)) > 60 else f" (got {str(given)[:60]!r})"
    if isinstance(given, float) and not math.isfinite(given):
        shown = f" (got {given})"
    return f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}{shown}"


def _known_keys(path: list[str]) -> list[str]:
    section: Any = Config
    for part in path:
        field = section.model_fields.get(part)
        section = getattr(field, "annotation", None)
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return list(PrefixPair.model_fields) if "alt_prefixes" in path else []
    return list(section.model_fields)
