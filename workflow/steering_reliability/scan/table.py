"""scan.csv: what each strength does at each layer; imports neither torch nor pandas."""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from steering_reliability.errors import InputError
from steering_reliability.files import write_text

MAIN: Final = "main"
"""The run's own direction in the column `direction`; random ones are `random_0`, `random_1` and so on."""


@dataclass(frozen=True)
class ScanRow:
    """One strength of one direction at one layer, on the prompts of one split.

    Attributes:
        intervention: `add` or `add_keep_norm`.
        direction: `main`, or a random direction of the same length.
        layer: Block index.
        alpha: Strength, in the run's unit.
        coefficient: Length added along the direction, in units of the residual stream.
        split: `harm_train` or `benign`.
        n: Prompts.
        propensity_change: Mean change of the refusal propensity, steered minus unsteered, nats.
        propensity_change_sd: Its standard deviation over prompts; NaN for one prompt.
        first_token_kl: Mean KL(steered || unsteered) of the first token, nats.
        first_token_kl_sd: Its standard deviation over prompts; NaN for one prompt.
    """

    intervention: str
    direction: str
    layer: int
    alpha: float
    coefficient: float
    split: str
    n: int
    propensity_change: float
    propensity_change_sd: float
    first_token_kl: float
    first_token_kl_sd: float


_TYPES: Final = {field.name: field.type for field in fields(ScanRow)}


def write_scan(path: str | Path, rows: Iterable[ScanRow]) -> None:
    """Write rows as CSV with six significant digits, whole or not at all; what is missing becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_TYPES)
    for row in rows:
        writer.writerow([_written(getattr(row, name)) for name in _TYPES])
    write_text(Path(path), text.getvalue())


def read_scan(path: str | Path) -> list[ScanRow]:
    """Read what `write_scan` wrote.

    Raises:
        InputError: When the file is damaged.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return [ScanRow(**{name: _read(row[name], name) for name in _TYPES}) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, TypeError) as error:
        fix = f"delete {path} and run again"
        raise InputError("the table of the scan is damaged", where=str(path), fix=fix) from error


def _written(value: float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    # Minus zero would make equal tables differ in bytes.
    return "" if math.isnan(value) else f"{value + 0.0:.6g}"


def _read(cell: str, name: str) -> Any:
    kind = _TYPES[name]
    return cell if kind is str else int(cell) if kind is int else float(cell or "nan")
