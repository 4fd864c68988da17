"""Templates split in halves by a seeded hash of their names."""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd


def in_first_half(prompts: pd.DataFrame, *, seed: int, halving: int = 0) -> npt.NDArray[np.bool_]:
    """Tell which prompts lie in the first half; near copies of one template lie in the same one.

    Args:
        prompts: cluster of distinct prompts.
        seed: Seed of the hash.
        halving: Number of the halving, from 0; each is a new draw.

    Returns:
        Flags, [n]; the first half has half of the clusters, rounded up. The order of the prompts does not matter.
    """
    clusters = prompts["cluster"].astype(str)
    names = sorted(
        set(clusters), key=lambda name: blake2b(f"{seed}/{halving}/{name}".encode(), digest_size=8).hexdigest()
    )
    return np.asarray(clusters.isin(names[: (len(names) + 1) // 2]), dtype=bool)
