"""A config as a file to edit: every key with what it means, and with why it has its value where that was chosen."""

import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import yaml
from pydantic import BaseModel

from steering_reliability.config.schema import Config

_WIDTH: Final = 116


def config_text(config: Mapping[str, Any], *, head: str, why: Mapping[str, str]) -> str:
    """The text of a config.yaml.

    `head` is its first comment; `why` has the reasons by `section.key`.
    """
    lines = [*_comment(head, indent="")]
    for name, section in config.items():
        lines.append("")
        field = Config.model_fields[name]
        kind = _section_of(field.annotation)
        lines += _comment(field.description or (kind.__doc__ or "").splitlines()[0], indent="")
        if not isinstance(section, Mapping):
            lines += _entry(name, section, indent="")
            continue
        lines.append(f"{name}:")
        for key, value in section.items():
            lines += _comment(kind.model_fields[key].description or "", indent="  ")
            if reason := why.get(f"{name}.{key}"):
                lines += _comment(f"Chosen: {reason}", indent="  ")
            lines += _entry(key, value, indent="  ")
    return "\n".join(lines) + "\n"


def _section_of(annotation: Any) -> type[BaseModel]:
    """The model of a section that may be null."""
    kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
    return next(kind for kind in kinds if issubclass(kind, BaseModel))


def _comment(text: str, *, indent: str) -> Iterator[str]:
    yield from (f"{indent}# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False))


def _entry(key: str, value: Any, *, indent: str) -> Iterator[str]:
    if isinstance(value, str) and "\n" in value:
        # JSON is YAML, and shows the line feed.
        yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"
        return
    is_nested = isinstance(value, list | Mapping)
    text = yaml.safe_dump(
        value if is_nested else {key: value},
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=is_nested,
        width=math.inf,
    )
    yield f"{indent}{key}: {text.strip()}" if is_nested else f"{indent}{text.strip()}"
