"""p-values corrected for how many there are: over a grid, and over all headline claims of a report."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.statistics.intervals import Array

LEVEL: Final = 0.05
"""At most this share of reports claims anything where nothing is there."""

PARTS: Final = 2
"""The level is shared evenly by the claims at the recommended point and by those of the whole grid."""


def holm(p_values: npt.ArrayLike) -> Array:
    """Return p-values corrected for their number by Holm's step-down method.

    Args:
        p_values: p-values, [tests]; NaN stays NaN and does not count as a test.

    Returns:
        Corrected p-values, [tests], in [0, 1]: in at most 5% of test families any at or below 0.05 is wrong, however
        the tests depend on each other.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    p = np.asarray(p_values, dtype=float)
    corrected = np.full(p.shape, np.nan)
    (places,) = np.nonzero(~np.isnan(p))
    places = places[np.argsort(p[places], kind="stable")]
    stepped = p[places] * np.arange(len(places), 0, -1)
    corrected[places] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected


def correct_together(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Correct the p of several tables as one test family that has half of the level.

    Returns:
        The tables with p_corrected: Holm's p over all of their rows, times `PARTS`. Where no claim is true at most
        2.5% of reports have any at or below 0.05 (Bonferroni over the two halves, Holm within each).
    """
    together = holm(np.concatenate([table["p"].to_numpy(dtype=float) for table in tables]))
    ends = np.cumsum([len(table) for table in tables])
    parts = np.split(np.minimum(PARTS * together, 1.0), ends[:-1])
    return [table.assign(p_corrected=part) for table, part in zip(tables, parts, strict=True)]
