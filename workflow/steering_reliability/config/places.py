"""Which file and line set a value of a config, where several files are merged."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.config.files import default_file, is_complete, read_yaml
from steering_reliability.config.reading import MOST_LISTED, ConfigError
from steering_reliability.errors import InputError

COMMAND_LINE: Final = "--config"
_KEY: Final = re.compile(r"\b[a-z_]+\.[a-z_]+\b")


class ConfigPlaces:
    """The files of a config, to say where in them something is wrong.

    The last of `files` wins; `overrides`, the values given on the command line, win over all of them.
    """

    def __init__(self, files: Sequence[Path | str], *, overrides: Mapping[str, Any] | None = None) -> None:
        here = [os.path.relpath(file) for file in files]
        self._files = [str(file) if near.startswith("..") else near for file, near in zip(files, here, strict=True)]
        self._overrides = overrides or {}

    def place(self, keys: Sequence[str | int], *, in_part: bool = True) -> str | None:
        """File and line that set a value, or "--config"; None where no file sets it.

        With `in_part` the section that the value is missing from will do.
        """
        best, found = 0, None
        for name, node in self._nodes:
            depth, line = _depth(node, keys)
            if depth > best:
                best, found = depth, name if name == COMMAND_LINE else f"{name}, line {line}"
        return found if in_part or best == len(keys) else None

    def located(self, error: InputError) -> InputError:
        """The same error, with file and line of the keys that it names."""
        names = ", ".join([*self._files, *([COMMAND_LINE] if self._overrides else [])])
        if isinstance(error, ConfigError):
            return self._with_places(error, names=names)
        if error.where == "config":
            return InputError(error.what, where=names or error.where, fix=error.fix)
        places = [self.place(key.split("."), in_part=False) for key in _KEY.findall(error.where)]
        named = "; ".join(dict.fromkeys(filter(None, places)))
        return InputError(error.what, where=f"{error.where} ({named})", fix=error.fix) if named else error

    @contextmanager
    def named(self) -> Iterator[None]:
        """Locate the InputError that is raised inside."""
        try:
            yield
        except InputError as error:
            raise self.located(error) from None

    def _with_places(self, error: ConfigError, *, names: str) -> ConfigError:
        places = [self.place(problem.keys) for problem in error.problems[:MOST_LISTED]]
        if len(places) == 1 and places[0]:
            return ConfigError(error.problems, where=places[0])
        files = ", ".join(dict.fromkeys(place.partition(", line ")[0] for place in places if place))
        return ConfigError(error.problems, where=files or names or error.where, places=places)

    @cached_property
    def _nodes(self) -> list[tuple[str, yaml.Node | None]]:
        """What the command line and the files hold, the one that wins first."""
        # JSON is YAML.
        given = json.dumps(dict(self._overrides), default=str) if self._overrides else ""
        files = [(file, Path(file)) for file in reversed(self._files)]
        return [(COMMAND_LINE, _composed(given)), *((name, _composed(_text(path))) for name, path in files)]


def places_of(files: Sequence[Path]) -> ConfigPlaces:
    """Where the values of a study's config stand, as `config.files.read_config` reads its files.

    There are no files where the config is a run's own record.
    """
    needs_default = bool(files) and not any(is_complete(read_yaml(file)) for file in files)
    return ConfigPlaces([default_file(), *files] if needs_default else files)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _composed(text: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        # Snakemake reads more than YAML; then nothing is known of the file's lines.
        return None
    return node


def _depth(node: yaml.Node | None, keys: Sequence[str | int]) -> tuple[int, int]:
    """How many of the keys a file has, one within the other, and the line of the last one that it has."""
    line = 0
    for depth, key in enumerate(keys):
        if isinstance(node, yaml.MappingNode):
            # Of a key that stands twice the last one counts.
            mark, node = next((pair for pair in reversed(node.value) if pair[0].value == str(key)), (None, None))
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            mark = node = node.value[key]
        else:
            mark = None
        if mark is None:
            return depth, line
        line = mark.start_mark.line + 1
    return len(keys), line
