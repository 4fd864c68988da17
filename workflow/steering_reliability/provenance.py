"""Where a run's numbers come from: versions, model, config and machine."""

import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from steering_reliability.digest import package_digest, sha256_of
from steering_reliability.model_source import layers_of_config
from steering_reliability.whole_file import write_text

PACKAGES = ("snakemake", "torch", "transformers", "transformer-lens", "numpy", "pandas", "pyarrow", "scipy")


def write_provenance(output: str | Path, *, config: Mapping[str, Any], model_folder: Path) -> None:
    """Write provenance.json.

    Args:
        output: The file.
        config: The typed config as plain data.
        model_folder: The model's Hugging Face folder.
    """
    card = model_folder / "model_card.json"
    facts = {
        "model": {
            "name": config["model"]["name"],
            "n_layers": layers_of_config(model_folder / "config.json"),
            "card": json.loads(card.read_text(encoding="utf-8")) if card.is_file() else None,
            "weights_sha256": {
                path.name: sha256_of(path) for path in sorted(model_folder.glob("*.safetensors")) if path.is_file()
            },
        },
        "config": dict(config),
        **surroundings(),
    }
    write_text(Path(output), json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def surroundings() -> dict[str, Any]:
    """What a run of any study here is made with: the package's own code, versions and machine."""
    import torch  # noqa: PLC0415 - only this stage of the analysis asks the machine

    return {
        "code": package_digest(),
        "versions": versions(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "cpus": len(os.sched_getaffinity(0)),
            "gpu": gpu_name(),
        },
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def gpu_name() -> str | None:
    """The GPU that computes; None where the CPU does."""
    import torch  # noqa: PLC0415 - only this stage of the analysis asks the machine

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
