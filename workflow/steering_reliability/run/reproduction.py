"""Why a run that is made again may have other bytes: what its record says against what is so here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

COMPUTED: Final = ("models", "activations", "directions", "completions")
"""The model's folder, where it is made, and what its arithmetic makes."""

ANALYSED: Final = ("results", "tables", "figures", "examples")
RECORDS: Final = ("records",)
"""provenance.json and index.html, which holds it: they differ wherever anything does."""

_MODEL: Final = (*COMPUTED, *ANALYSED, *RECORDS)
CAUSES: Final[Mapping[str, Sequence[str]]] = {
    "code": ("prompts", *_MODEL),
    # Prompts are counted in tokens.
    "model": ("prompts", *_MODEL),
    "versions.transformers": ("prompts", *_MODEL),
    "versions.torch": _MODEL,
    "versions.transformer-lens": _MODEL,
    "machine.system": _MODEL,
    "machine.architecture": _MODEL,
    "machine.cpu_capability": _MODEL,
    "machine.gpu": _MODEL,
    # Which number format `dtype: auto` becomes, and which kernels multiply.
    "machine.processor": _MODEL,
    "versions.numpy": (*ANALYSED, *RECORDS),
    "versions.pandas": (*ANALYSED, *RECORDS),
    "versions.pyarrow": (*ANALYSED, *RECORDS),
    "versions.scipy": (*ANALYSED, *RECORDS),
    "versions.python": RECORDS,
    "versions.snakemake": RECORDS,
    # With some shapes of weights the number of threads shows in the last digits: docs/performance.md.
    "machine.cpus": _MODEL,
}
"""Which kinds of file another value of an entry of provenance.json may change."""


@dataclass(frozen=True)
class Difference:
    """An entry of the record that is not so here.

    `entry` is its name in provenance.json, with dots; `recorded` and `here` are JSON; `changes` are the kinds of file
    that may have other bytes for it.
    """

    entry: str
    recorded: str
    here: str
    changes: tuple[str, ...]


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[Difference]:
    """Compare two records' code, model, versions and machine; what only one of them says is left out."""
    mine, found = dict(_entries(here)), []
    for name, value in _entries(recorded):
        if name in mine and mine[name] != value:
            found.append(Difference(name, value, mine[name], tuple(_changes(name))))
    return found


def kind_of(path: str) -> str:
    """The kind of a file of a run, by its path."""
    name, parts = PurePath(path).name, PurePath(path).parts
    if name in ("provenance.json", "index.html"):
        return "records"
    if name == "examples.md":
        return "examples"
    known = {"runs": "results"} | {kind: kind for kind in ("prompts", *COMPUTED, *ANALYSED)}
    return next((known[part] for part in reversed(parts[:-1]) if part in known), "results")


def _entries(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name in ("model", "versions", "machine", "model.weights_sha256"):
            yield from _entries(value, f"{name}.")
        elif name not in ("config", "model.card"):
            yield name, json.dumps(value, ensure_ascii=False)


def _changes(entry: str) -> Sequence[str]:
    whole, _, _ = entry.partition(".")
    return CAUSES.get(entry, CAUSES.get(whole, RECORDS))
