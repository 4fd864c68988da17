"""How long the residual stream is, with and without the few dimensions that are far larger than all others."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

# SmolLM2 has one to four dimensions above it at every layer (up to 103 times the median dimension), two models without
# massive activations have none (up to 16 times). At SmolLM2's layers 10 to 18, read at the prefixes, no dimension lies
# between 20 and 30 times.
OUTLIER: Final = 25.0


@dataclass(frozen=True)
class ResidualNorm:
    """Mean lengths over texts, and the dimensions that `robust` leaves out."""

    full: float
    robust: float
    outlier_dimensions: list[int]


def residual_norm(texts: np.ndarray[Any, Any]) -> ResidualNorm:
    """Measure the length of the residual stream [texts, d_model].

    A dimension is an outlier if its RMS over the texts is more than `OUTLIER` times that of the median dimension.
    Such massive activations (Sun et al., arXiv 2402.17762) hardly change from text to text, and make the norm many
    times as long as anything that a direction moves.
    """
    rms = np.sqrt((texts**2).mean(axis=0))
    median = float(np.median(rms))
    # Where most dimensions are zero there is no ordinary size to compare with.
    is_outlier = rms > OUTLIER * median if median > 0 else np.zeros(len(rms), dtype=bool)
    lengths = np.linalg.norm(texts, axis=1), np.linalg.norm(texts[:, ~is_outlier], axis=1)
    full, robust = (float(length.mean()) for length in lengths)
    return ResidualNorm(full, robust, [int(index) for index in np.flatnonzero(is_outlier)])
