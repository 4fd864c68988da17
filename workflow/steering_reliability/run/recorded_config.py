"""The config that a run keeps of itself: in logs/config.yaml from its start, in provenance.json once it is finished."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from steering_reliability.config.files import read_yaml
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.files import write_text


def as_yaml(config: Mapping[str, Any]) -> str:
    """A config as a file that stands alone."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def config_file(run: Path) -> Path:
    """Where a run that has begun keeps its config."""
    return run / "logs" / "config.yaml"


def record_config(config: Config) -> None:
    """Keep the config of a run that begins, every default written out."""
    write_text(config_file(Path(config.experiment.output_dir)), as_yaml(config.model_dump(mode="json")))


def recorded_config(run: Path) -> dict[str, Any]:
    """The config that a run was begun with last; of a run of which only the results are left, the one it finished with.

    Args:
        run: The run's folder.

    Raises:
        InputError: When it keeps none, or a damaged one.
    """
    file = config_file(run)
    if file.is_file():
        return read_yaml(file)
    if not (run / "provenance.json").is_file():
        raise InputError("the folder is no run that has begun", where=str(run), fix="give its config with --config")
    found: dict[str, Any] = read_provenance(run)["config"]
    return found


def read_provenance(run: Path) -> dict[str, Any]:
    """What a finished run recorded of itself, its config among it.

    Raises:
        InputError: When that is missing or damaged.
    """
    path = run / "provenance.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        dict(facts["config"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the record of the run can't be read: {type(error).__name__}"
        raise InputError(what, where=str(path), fix="name the folder of a finished run") from error
    return dict(facts)
