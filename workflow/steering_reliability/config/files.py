"""Config files laid over each other, and over config.yaml: one rule for Snakemake, the commands and the notebooks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from steering_reliability.config.schema import Config
from steering_reliability.config.yaml_text import read_yaml

ROOT: Final = Path(__file__).parents[3]


def default_file() -> Path:
    """The config over which those are laid that are no whole study: of the working directory, else the clone's."""
    here = Path("config.yaml")
    return here if here.is_file() else ROOT / "config.yaml"


RULE: Final = (
    "Config files are laid over each other from left to right, and over config.yaml unless one of them is a whole "
    "study (names model.name, experiment.layers, experiment.alphas and experiment.output_dir)"
)


def read_config(*paths: Path) -> dict[str, Any]:
    """The config of a study that is given as files, by `RULE`.

    Args:
        paths: YAML files; the last one has the last word.

    Raises:
        InputError: When one of them can't be read.
    """
    return study_config([read_yaml(path) for path in paths], default=lambda: read_yaml(default_file()))


def study_config(parts: Sequence[Mapping[str, Any]], *, default: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Lay parsed configs over each other by `RULE`.

    Args:
        parts: What the files hold, in the order given.
        default: Reads config.yaml; asked where no part is a whole study.
    """
    merged: dict[str, Any] = {} if any(map(is_whole, parts)) else dict(default())
    for part in parts:
        merged = laid_over(merged, part)
    return merged


def is_whole(part: Mapping[str, Any]) -> bool:
    """Whether a config names every key that has no default."""
    return all(_has(part, path) for path in _REQUIRED)


def laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a config over another, key by key; a `model` section that names another model replaces the one below it.

    Otherwise the hash and the revision of the model below would be asked of the other one.
    """
    if _is_another(base.get("model"), top.get("model")):
        base = {key: value for key, value in base.items() if key != "model"}
    return _merged(base, top)


def _merged(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def _is_another(below: object, above: object) -> bool:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return False
    return any(key in above and above[key] != below.get(key) for key in ("name", "source"))


def _has(part: object, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(part, Mapping) or key not in part:
            return False
        part = part[key]
    return True


_REQUIRED: Final = [
    (section, key)
    for section, field in Config.model_fields.items()
    if field.is_required() and field.annotation is not None
    for key, inner in field.annotation.model_fields.items()
    if inner.is_required()
]
