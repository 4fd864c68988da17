"""How often one interval covers at one truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from steering_reliability.statistics.intervals import Estimate

SIZES = (20, 60, 150)
RATES = (0.02, 0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Cell:
    """The coverage of one method at one truth.

    Args:
        method: The interval.
        truth: What is true there, in words.
        coverage: Share of the 95% intervals that hold the true value.
        replicates: Simulated data sets; 0 where the coverage is computed exactly.
        is_guaranteed: Whether the method claims to cover there.
    """

    method: str
    truth: str
    coverage: float
    replicates: int = 0
    is_guaranteed: bool = True


def covers(estimate: Estimate, truth: float) -> npt.NDArray[np.bool_]:
    """Return which intervals hold the true value; rounding of the last bits does not count against them."""
    return np.asarray((estimate.low <= truth + 1e-12) & (truth - 1e-12 <= estimate.high))
