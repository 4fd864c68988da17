"""Stub."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Chosen:
    layers: list[int]
    alphas: dict[str, list[float]]


def read_chosen(path: Path) -> Chosen:
    found = yaml.safe_load(path.read_text())["experiment"]
    return Chosen(found["layers"], found["alphas"])
