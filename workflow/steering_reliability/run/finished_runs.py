"""Finished runs below a folder, and what each says of its model."""

from collections import Counter
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.run.provenance import provenance_of


def find_runs(runs_dir: Path) -> dict[str, Path]:
    """Find every finished run, that is, every folder with a results.parquet at any depth.

    Args:
        runs_dir: Where to look.

    Returns:
        Name to folder: the folder's own name, or its path below `runs_dir` joined by dashes where two share one.

    Raises:
        InputError: The folder is missing or holds no finished run.
    """
    fix = "name a folder that holds runs, such as results, or run the workflow's target 'results' first"
    if not runs_dir.is_dir():
        raise InputError("there is no such folder", where=str(runs_dir), fix=fix)
    folders = sorted(path.parent for path in runs_dir.rglob("results.parquet"))
    if not folders:
        raise InputError("no finished run in this folder", where=str(runs_dir), fix=fix)
    times = Counter(folder.resolve().name for folder in folders)
    return {_name(folder, runs_dir, is_unique=times[folder.resolve().name] == 1): folder for folder in folders}


def _name(folder: Path, runs_dir: Path, *, is_unique: bool) -> str:
    return folder.resolve().name if is_unique else "-".join(folder.relative_to(runs_dir).parts) or "run"


def model_of(folder: Path) -> dict[str, Any]:
    """What a run's provenance.json says of its model: `name`, `n_layers`, ...; nothing where it does not say."""
    return _recorded(folder, "model")


def config_of(folder: Path) -> dict[str, Any]:
    """A run's config as its provenance.json has it, every default written out; nothing where it does not say."""
    return _recorded(folder, "config")


def _recorded(folder: Path, part: str) -> dict[str, Any]:
    found = provenance_of(folder).get(part)
    return found if isinstance(found, dict) else {}
