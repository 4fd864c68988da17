"""chosen.yaml: what the scan chose and why; imports nothing heavy, since every job of Snakemake reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from steering_reliability.errors import InputError
from steering_reliability.files import write_text

_PIN: Final = "To pin this choice, put what follows into a config."


@dataclass(frozen=True)
class Chosen:
    """What was left to the scan.

    Attributes:
        layers: The chosen blocks; None where the config names them.
        alphas: All strengths by intervention, those of the config among them; None where the config has all of them.
        notes: What was chosen and why, a sentence each.
    """

    layers: tuple[int, ...] | None
    alphas: Mapping[str, tuple[float, ...]] | None
    notes: tuple[str, ...] = ()


def write_chosen(path: str | Path, chosen: Chosen, *, scan: Mapping[str, Any]) -> None:
    """Write a choice as YAML that can be pasted into a config, whole or not at all.

    `scan` holds the settings that decide which prompts are reserved: a config that pins the choice has to reserve them
    too.
    """
    experiment: dict[str, Any] = {}
    if chosen.layers is not None:
        experiment["layers"] = list(chosen.layers)
    if chosen.alphas is not None:
        experiment["alphas"] = {name: list(alphas) for name, alphas in chosen.alphas.items()}
    body = yaml.safe_dump(
        {"scan": dict(scan), "experiment": experiment}, sort_keys=False, default_flow_style=None, width=120
    )
    head = "".join(f"# {note}\n" for note in (*chosen.notes, _PIN))
    write_text(Path(path), head + body)


def read_chosen(path: str | Path) -> Chosen | None:
    """Read what `write_chosen` wrote; None where there is no file yet.

    Raises:
        InputError: When the file is damaged.
    """
    file = Path(path)
    if not file.is_file():
        return None
    try:
        text = file.read_text(encoding="utf-8")
        experiment = yaml.safe_load(text)["experiment"]
        layers, alphas = experiment.get("layers"), experiment.get("alphas")
        notes = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
        return Chosen(
            layers=None if layers is None else tuple(int(layer) for layer in layers),
            alphas=None if alphas is None else {str(k): tuple(float(a) for a in v) for k, v in alphas.items()},
            notes=tuple(note for note in notes if note != _PIN),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        fix = f"delete {path} and run again"
        raise InputError("the scan's choice is damaged", where=str(path), fix=fix) from error
