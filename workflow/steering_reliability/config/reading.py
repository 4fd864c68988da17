"""A parsed YAML config becomes a typed one, or one message that names every problem."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from steering_reliability.config.schema import Config
from steering_reliability.config.wording import Problem, word_problems
from steering_reliability.errors import InputError

MOST_VALUES: Final = 100_000
DEEPEST: Final = 20
MOST_LISTED: Final = 50


class ConfigError(InputError):
    """Everything that is wrong with the keys of a config.

    Args:
        problems: What is wrong, key by key.
        where: Name of the config.
        places: File and line of each of the first 50, which are listed; None where it is not known.
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

    Args:
        raw: The mapping that Snakemake or PyYAML read.
        where: Name of the file, for the message; `ConfigPlaces` finds files and lines.

    Raises:
        ConfigError: With every problem at once, unknown keys and values with the nearest known one.
        InputError: If it is too large to be one.
    """
    _check_size(raw, where=where)
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError(word_problems(error.errors()), where=where) from None


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
