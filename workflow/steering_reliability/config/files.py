"""Config files and how they are merged: one rule for Snakemake, the commands and the notebooks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError

_PACKAGE: Final = Path(__file__).parents[1]
INSTALLED: Final = (_PACKAGE / "workflow" / "Snakefile").is_file()
"""Whether this package is an installed one, which holds the workflow; a clone's lies in the workflow."""
WORKFLOW: Final = _PACKAGE / "workflow" if INSTALLED else _PACKAGE.parents[1]
"""The folder of the Snakefile: a clone, or its like inside an installed package."""

SNAKEMAKE: Final = 'snakemake -s "$(steering-reliability snakefile)"' if INSTALLED else "snakemake"
"""How a user calls Snakemake on this workflow."""

RULE: Final = (
    "Config files are merged from left to right (later ones win), on top of config.yaml unless one of them is complete "
    "(sets model.name, experiment.layers, experiment.alphas and experiment.output_dir)"
)


def study_folder() -> Path:
    """The folder that a study's relative paths count from.

    It is the working directory; in a folder of a clone that has no config.yaml of its own it is the clone.
    """
    here = Path.cwd()
    is_inside = not INSTALLED and WORKFLOW.resolve() in here.parents
    return WORKFLOW if is_inside and not (here / "config.yaml").is_file() else here


def default_file() -> Path:
    """The config.yaml that comes first where no file is complete: of the working directory, else the workflow's."""
    here = Path("config.yaml")
    return here if here.is_file() else WORKFLOW / "config.yaml"


def read_config(*paths: Path) -> dict[str, Any]:
    """The config of a study that is given as YAML files, merged by `RULE`.

    Raises:
        InputError: When one of them can't be read.
    """
    return merge_configs([read_yaml(path) for path in paths], default=lambda: read_yaml(default_file()))


def merge_configs(parts: Sequence[Mapping[str, Any]], *, default: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Merge parsed configs by `RULE`.

    `default` reads config.yaml; it is called where no part is complete.
    """
    merged: dict[str, Any] = {} if any(map(is_complete, parts)) else dict(default())
    for part in parts:
        merged = merge_over(merged, part)
    return merged


def is_complete(part: Mapping[str, Any]) -> bool:
    """Whether a config sets every key that has no default."""
    return all(isinstance(part.get(section), Mapping) and key in part[section] for section, key in _REQUIRED)


def merge_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a config over another, key by key; a `model` section that names another model replaces the one below it.

    Otherwise the hash and the revision of the model below would be required of the other one.
    """
    below, above = base.get("model"), top.get("model")
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        named = {key: above[key] for key in ("name", "source") if key in above}
        if not named.items() <= below.items():
            base = {key: value for key, value in base.items() if key != "model"}
    return _merged(base, top)


def _merged(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


_REQUIRED: Final = [
    (section, key)
    for section, field in Config.model_fields.items()
    if field.is_required() and field.annotation is not None
    for key, inner in field.annotation.model_fields.items()
    if inner.is_required()
]


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds sections.

    Raises:
        InputError: When it can't be read, is not YAML or holds something else; names the line.
    """
    where, fix = str(path), "correct the file: indent with spaces, and close every bracket and quote"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where += f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"the config is not valid YAML: {_problem(error)}", where=where, fix=fix) from None
    except (yaml.YAMLError, RecursionError) as error:
        what = f"the config is not valid YAML: {str(error).splitlines()[0]}"
        raise InputError(what, where=where, fix=fix) from None
    except UnicodeDecodeError:
        raise InputError("the config is not UTF-8", where=where, fix="save it as UTF-8") from None
    except OSError as error:
        what = f"the config can't be read: {error.strerror}"
        raise InputError(what, where=where, fix="correct the path or the file") from None
    if not isinstance(content, dict):
        raise InputError("the config is not a mapping of sections", where=where, fix="look at config.yaml")
    return content


def _problem(error: yaml.MarkedYAMLError) -> str:
    # The context says what was being read when the problem came ("while parsing a flow sequence").
    began = error.context_mark
    since = f"{error.context} that begins on line {began.line + 1}, " if error.context and began else ""
    if error.problem and r"'\t'" in error.problem:
        return f"{since}a tab where spaces are required"
    return since + (error.problem or str(error.context))
