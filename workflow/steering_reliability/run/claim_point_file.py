"""The table of claim points as the plan of a run reads it, without pandas: every job reads the Snakefile."""

import csv
from pathlib import Path

ClaimPoint = tuple[str, str, int, float]
"""Purpose, intervention, layer and alpha."""


def points_of_file(path: Path) -> list[ClaimPoint]:
    """Read a written table of claim points.

    Args:
        path: R/tables/claim_points.csv; a file that is not there yet holds none.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row["purpose"], row["intervention"], int(row["layer"]), float(row["alpha"]))
            for row in csv.DictReader(file)
        ]
