"""What a reader must know of a run's strengths: outlier dimensions, and how far is too far."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from steering_reliability.directions.coefficient import coefficient_of
from steering_reliability.directions.residual_norm import OUTLIER
from steering_reliability.results.condition import read_statistics
from steering_reliability.results.schema import steered_points
from steering_reliability.text.numbers import listed

# Text stays readable up to about this many measured differences: SmolLM2's did at 1.3 and broke at 2.8 (layer 14),
# Gemma 3 270M's broke at 4.
USABLE: Final = 2.0
_FEW: Final = 6
_ADDING: Final = ("add", "add_keep_norm")

Records = Mapping[int, Mapping[str, Any]]
"""Block to the statistics of its direction, as the `.json` beside it holds them."""


def notes_of(files: Sequence[Path], summary: pd.DataFrame, *, unit: str) -> list[str]:
    """Return `strength_notes` of a run, from its summary and the statistics of its directions.

    Files are named `{direction}/layer_{block}.json`; those of other directions than the study's are left out.
    """
    study = steered_points(summary)
    # A set pushes at each of its blocks, and no number of differences says what that comes to.
    is_single = study["layer"].str.fullmatch(r"\d+")
    alphas = study.loc[study["intervention"].isin(_ADDING) & is_single, "alpha"]
    main = [path for path in files if path.parent.name in set(study["direction"])]
    records = {int(path.stem.removeprefix("layer_")): read_statistics(path) for path in main}
    return strength_notes(records, alphas=alphas.tolist(), unit=unit)


def strength_notes(records: Records, *, alphas: Sequence[float], unit: str) -> list[str]:
    """Return sentences on the strengths of interventions that add, where the residual stream has outlier dimensions.

    Without outliers there is one only where the largest strength is more than `USABLE` measured differences.

    Args:
        records: Of the main direction.
        alphas: Of the interventions that add; none: only the outliers are named.
        unit: As `coefficient_of` takes it.
    """
    known = {block: record for block, record in sorted(records.items()) if record.get("difference_norm")}
    largest = max((abs(alpha) for alpha in alphas), default=0.0)
    outlying = {block: record for block, record in known.items() if record["outlier_dimensions"]}
    notes = list(_outliers(outlying, alpha=largest if unit == "resid_norm" else 0.0))
    if not known or not largest:
        return notes
    pushes = {block: _differences(record, alpha=largest, unit=unit) for block, record in known.items()}
    furthest = max(pushes, key=lambda block: pushes[block])
    if outlying or pushes[furthest] > USABLE:
        limit = largest * USABLE / pushes[furthest]
        notes.append(
            f"The largest strength (alpha {largest:g}) pushes up to {pushes[furthest]:.2g} times the measured "
            f"difference between the sides (layer {furthest}). The usable range ends near {USABLE:g} times, there at "
            f"alpha {_short(limit)}; text that is pushed further is often broken."
        )
    return notes


def _differences(record: Mapping[str, Any], *, alpha: float, unit: str) -> float:
    """How many measured mean differences an alpha adds."""
    return coefficient_of(record, alpha=alpha, intervention="add", unit=unit) / float(record["difference_norm"])


def _outliers(records: Records, *, alpha: float) -> Iterator[str]:
    """Name the outlier dimensions, once for layers that have the same."""
    layers: dict[tuple[int, ...], list[int]] = {}
    for block, record in records.items():
        layers.setdefault(tuple(record["outlier_dimensions"]), []).append(block)
    for dimensions, blocks in layers.items():
        found = [records[block] for block in blocks]
        robust, full = (_range([one[name] for one in found]) for name in ("resid_norm", "resid_norm_full"))
        shown = listed(dimensions) if len(dimensions) <= _FEW else f"{len(dimensions)} of the dimensions"
        sentence = (
            f"Outlier dimensions of the residual stream at {'layers' if len(blocks) > 1 else 'layer'} "
            f"{listed(blocks)}: {shown} (RMS more than {OUTLIER:g} times the median dimension's). Relative strengths "
            f"are shares of the norm without them, {robust}; with them it is {full}"
        )
        if alpha:
            times = max(alpha * one["resid_norm_full"] / one["difference_norm"] for one in found)
            sentence += f", and alpha {alpha:g} of that would be {times:.2g} times the measured difference"
        yield sentence + "."


def _range(numbers: Sequence[float]) -> str:
    low, high = (f"{number:,.0f}" if number >= 10 else f"{number:.2g}" for number in (min(numbers), max(numbers)))
    return low if low == high else f"{low} to {high}"


def _short(number: float) -> str:
    """Two significant digits, whole numbers in full."""
    return f"{number:.0f}" if number >= 100 else f"{number:.2g}"
