"""What is wrong with a key of a config, in plain words."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel

from steering_reliability.config.schema import Config

_LONGEST: Final = 60
_CLOSE: Final = 0.5


class Problem(NamedTuple):
    """What is wrong at one place of a config.

    Attributes:
        keys: The way there; list elements by their number, from 0.
        what: What is wrong, with the key in front.
    """

    keys: tuple[str | int, ...]
    what: str


def word_problems(found: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Say what pydantic found.

    Args:
        found: `ValidationError.errors()`.

    Returns:
        One problem for each; where a key takes a list or a mapping, only what is wrong with the one that was given.
    """
    kinds = Counter(
        tuple(problem["loc"])[:-1] for problem in found if _is_kind(problem) and _is_branch(problem["loc"][-1])
    )
    worded: dict[Problem, None] = {}
    for problem in found:
        place = tuple(problem["loc"])
        refused = kinds[place[:-1]] if _is_kind(problem) and _is_branch(place[-1]) else 0
        if refused == 1:
            # What was given is of the other kind.
            continue
        kind = "list_or_dict_type" if refused else problem["type"]
        keys = tuple(part for part in place if not _is_branch(part) and part != "[key]")
        worded[_problem({**problem, "type": kind}, keys=keys)] = None
    return list(worded)


def _is_kind(problem: Mapping[str, Any]) -> bool:
    return problem["type"] in ("list_type", "dict_type")


def _is_branch(part: object) -> bool:
    return str(part).startswith(("list[", "dict["))


def _problem(problem: Mapping[str, Any], *, keys: tuple[str | int, ...]) -> Problem:
    name = ".".join(map(str, keys)) or "config"
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        said = message.partition(":")[0]
        # A check over several keys names the one that it is about.
        return Problem(tuple(said.split(".")), message) if said.count(".") == 1 else Problem(keys, f"{name}: {message}")
    if problem["type"] == "extra_forbidden":
        section = _section(keys[:-1])
        return Problem(keys, f"{name}: unknown key{_nearest(keys[-1], list(section.model_fields) if section else [])}")
    if problem["type"] == "missing":
        return Problem(keys, f"{name}: is missing")
    return Problem(keys, f"{name}: {_words(problem, keys)}{_got(problem['input'])}{_nearest_value(problem)}")


def _words(problem: Mapping[str, Any], keys: tuple[str | int, ...]) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("model_type", "dict_type"):
        return f"must be a mapping of keys{_example(keys)}"
    if kind == "list_type":
        return f"must be a list, such as [{problem['input']}]" if _is_plain(problem["input"]) else "must be a list"
    if kind == "string_pattern_mismatch":
        return f"must match the pattern {context['pattern']}{_description(keys)}"
    if kind in _WORDS:
        return _WORDS[kind](context)
    return f"{problem['msg'][0].lower()}{problem['msg'][1:]}"


_WORDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), lambda _: "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), lambda _: "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "must be true or false"),
    "finite_number": lambda _: "must be a finite number",
    "string_type": lambda _: "must be text; a number or a yes needs quotes to be one",
    "list_or_dict_type": lambda _: "must be a list, or a mapping of keys with a list for each",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']:g}",
    "greater_than": lambda context: f"must be above {context['gt']:g}",
    "less_than_equal": lambda context: f"must be at most {context['le']:g}",
    # Nothing of the config has to be longer than one.
    **dict.fromkeys(("too_short", "string_too_short"), lambda _: "must not be empty"),
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "invalid_key": lambda _: "is a key that is no text",
}


def _example(keys: tuple[str | int, ...]) -> str:
    """How a section is written, with the first of its keys that has a default."""
    section = _section(keys)
    if section is None or not keys:
        return ""
    for name, field in section.model_fields.items():
        if field.default is not None and not field.is_required():
            return f", such as `{keys[-1]}: {{{name}: {json.dumps(field.default)}}}`"
    return f" ({', '.join(section.model_fields)})"


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


def _nearest_value(problem: Mapping[str, Any]) -> str:
    if problem["type"] != "literal_error":
        return ""
    return _nearest(problem["input"], re.findall(r"'([^']*)'", problem["ctx"]["expected"]))


def _nearest(given: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(given).lower(), known, n=1, cutoff=_CLOSE)
    return f"; did you mean `{near[0]}`?" if near else ""


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= _LONGEST


def _section(keys: Sequence[str | int]) -> type[BaseModel] | None:
    """The section that stands under some keys, None where none does."""
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
