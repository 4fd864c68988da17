"""Which file and line set a value of a config, where several files are merged."""

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

    Args:
        files: In the order in which they are merged; the last one wins.
        overrides: Values given on the command line, which win over all files.
    """

    def __init__(self, files: Sequence[Path | str], *, overrides: Mapping[str, Any] | None = None) -> None:
        self._files = [_displayed(Path(file)) for file in files]
        self._overrides = overrides or {}

    def place(self, keys: Sequence[str | int], *, in_part: bool = True) -> str | None:
        """File and line that set a value, or "--config"; None where no file sets it.

        Args:
            keys: The way to the value.
            in_part: Whether the section that it is missing from will do.
        """
        best, found = 0, None
        for name, layer in self._layers:
            depth, line = _depth(layer, keys)
            if depth > best:
                best, found = depth, f"{name}, line {line}" if line else name
        return found if found and (in_part or best == len(keys)) else None

    def located(self, error: InputError) -> InputError:
        """The same error, with file and line of the keys that it names."""
        if isinstance(error, ConfigError):
            return self._with_places(error)
        if error.where == "config":
            return InputError(error.what, where=self._all or error.where, fix=error.fix)
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

    def _with_places(self, error: ConfigError) -> ConfigError:
        places = [self.place(problem.keys) for problem in error.problems[:MOST_LISTED]]
        if len(places) == 1 and places[0]:
            return ConfigError(error.problems, where=places[0])
        names = ", ".join(dict.fromkeys(place.partition(", line ")[0] for place in places if place))
        return ConfigError(error.problems, where=names or self._all or error.where, places=places)

    @property
    def _all(self) -> str:
        return ", ".join([*self._files, *([COMMAND_LINE] if self._overrides else [])])

    @cached_property
    def _layers(self) -> list[tuple[str, Any]]:
        """The layers, the one on top first: parsed text for a file, a mapping for the command line."""
        return [(COMMAND_LINE, self._overrides), *((file, _composed(file)) for file in reversed(self._files))]


def places_of(files: Sequence[Path]) -> ConfigPlaces:
    """Where the values of a study's config stand, as `config.files.read_config` reads its files.

    Args:
        files: Empty where the config is a run's own record.
    """
    needs_default = bool(files) and not any(is_complete(read_yaml(file)) for file in files)
    return ConfigPlaces([default_file(), *files] if needs_default else files)


def _displayed(path: Path) -> str:
    here = os.path.relpath(path)
    return str(path) if here.startswith("..") else here


def _composed(file: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        # Snakemake reads more than YAML; then the file alone is known.
        return None
    return node


def _depth(layer: object, keys: Sequence[str | int]) -> tuple[int, int | None]:
    """How many of the keys a layer has, one within the other, and the line of the last one that it has."""
    line = None
    for depth, key in enumerate(keys):
        found = _inside(layer, key)
        if found is None:
            return depth, line
        layer, line = found
    return len(keys), line


def _inside(layer: object, key: str | int) -> tuple[object, int | None] | None:
    if isinstance(layer, yaml.MappingNode):
        pairs = [pair for pair in layer.value if pair[0].value == str(key)]
        return (pairs[-1][1], pairs[-1][0].start_mark.line + 1) if pairs else None
    if isinstance(layer, yaml.SequenceNode) and isinstance(key, int) and key < len(layer.value):
        return layer.value[key], layer.value[key].start_mark.line + 1
    if isinstance(layer, Mapping) and key in layer:
        return layer[key], None
    return (layer[key], None) if isinstance(layer, list) and isinstance(key, int) and key < len(layer) else None
