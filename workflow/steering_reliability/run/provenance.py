"""Where a run's numbers come from: versions, model, config and machine."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from steering_reliability.files import sha256_of, write_text
from steering_reliability.model.card import read_card
from steering_reliability.model.source import layers_of_config, text_files
from steering_reliability.process.code_digest import package_digest
from steering_reliability.process.ledger import read_ledger
from steering_reliability.process.machine import code_commit, machine_facts

PACKAGES = ("snakemake", "torch", "transformers", "transformer-lens", "numpy", "pandas", "pyarrow", "scipy")


def write_provenance(
    output: str | Path, *, config: Mapping[str, Any], model_folder: Path, logs: Sequence[Path] = ()
) -> None:
    """Write provenance.json.

    Args:
        output: The file.
        config: The typed config as plain data.
        model_folder: The model's Hugging Face folder.
        logs: Of each job in which the model computed; they say what it computed with.
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
        **surroundings(),
        "made_with": read_ledger(logs),
    }
    write_text(Path(output), json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def provenance_of(run: Path) -> dict[str, Any]:
    """What a run's provenance.json says; nothing where there is none, or none that can be read."""
    try:
        facts = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def surroundings() -> dict[str, Any]:
    """What a run of any study here is made with: the package's own code, versions and machine."""
    return {
        "code": package_digest(),
        "commit": code_commit(),
        "versions": versions(),
        "machine": {**machine_facts(), "cpus": len(os.sched_getaffinity(0))},
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
