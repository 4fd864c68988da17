"""What a run records of itself: its config when it begins, and provenance.json when it is finished."""

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.config.files import read_yaml
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.files import sha256_of, write_text
from steering_reliability.model.card import read_card
from steering_reliability.model.source import layers_of_config, text_files
from steering_reliability.process.code_digest import package_digest
from steering_reliability.process.ledger import read_ledger
from steering_reliability.process.machine import code_commit, machine_facts
from steering_reliability.process.system import cores

PACKAGES: Final = ("snakemake", "torch", "transformers", "transformer-lens", "numpy", "pandas", "pyarrow", "scipy")


def config_file(run: Path) -> Path:
    """Where a run that has begun keeps its config."""
    return run / "logs" / "config.yaml"


def as_yaml(config: Mapping[str, Any]) -> str:
    """A config as a file that stands alone."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def record_config(config: Config) -> None:
    """Keep the config of a run that begins, every default written out."""
    write_text(config_file(Path(config.experiment.output_dir)), as_yaml(config.model_dump(mode="json")))


def recorded_config(run: Path) -> dict[str, Any]:
    """The config that a run was begun with last; of a run of which only the results are left, the one it finished with.

    Raises:
        InputError: When it keeps none, or a damaged one.
    """
    file = config_file(run)
    if file.is_file():
        return read_yaml(file)
    if not (run / "provenance.json").is_file():
        raise InputError("the folder is not a run", where=str(run), fix="give its config with --config")
    found: dict[str, Any] = read_provenance(run)["config"]
    return found


def write_provenance(
    output: str | Path,
    *,
    config: Mapping[str, Any],
    model_folder: Path,
    logs: Sequence[Path] = (),
    chosen: Path | None = None,
) -> None:
    """Write provenance.json.

    `logs` are those of the jobs in which the model computed, which say with what; `chosen` is what a scan chose.
    """
    facts = {
        "model": {
            "name": config["model"]["name"],
            "n_layers": layers_of_config(model_folder / "config.json"),
            "card": read_card(model_folder) or None,
            "text_sha256": {path.name: sha256_of(path) for path in text_files(model_folder)},
            "weights_sha256": {
                path.name: sha256_of(path) for path in sorted(model_folder.glob("*.safetensors")) if path.is_file()
            },
        },
        "config": dict(config),
        **({} if chosen is None else {"chosen_by_scan": read_yaml(chosen)["experiment"]}),
        **surroundings(),
        "made_with": read_ledger(logs),
    }
    write_text(Path(output), json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def surroundings() -> dict[str, Any]:
    """What a run of any study here is made with: the package's own code, versions and machine."""
    return {
        "code": package_digest(),
        "commit": code_commit(),
        "versions": versions(),
        "machine": {**machine_facts(), "cpus": cores()},
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def read_provenance(run: Path) -> dict[str, Any]:
    """What a finished run recorded of itself, its config among it.

    Raises:
        InputError: When that is missing or damaged.
    """
    path = run / "provenance.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return {**facts, "config": dict(facts["config"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the record of the run can't be read: {type(error).__name__}"
        raise InputError(what, where=str(path), fix="name the folder of a finished run") from error


def find_runs(runs_dir: Path) -> dict[str, Path]:
    """Find every finished run, that is, every folder with a results.parquet at any depth.

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
    return {
        folder.resolve().name
        if times[folder.resolve().name] == 1
        else "-".join(folder.relative_to(runs_dir).parts) or "run": folder
        for folder in folders
    }


def model_of(folder: Path) -> dict[str, Any]:
    """What a run's provenance.json says of its model: `name`, `n_layers`, ...; nothing where it does not say."""
    return _part(folder, "model")


def config_of(folder: Path) -> dict[str, Any]:
    """A run's config as its provenance.json has it, every default written out; nothing where it does not say."""
    return _part(folder, "config")


def _part(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = read_provenance(folder).get(name)
    except InputError:
        return {}
    return found if isinstance(found, dict) else {}
