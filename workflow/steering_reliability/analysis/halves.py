"""Prompts split in halves by a seeded hash of their ids."""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.analysis.schema import SPLITS


def in_first_half(prompts: pd.DataFrame, *, seed: int, halving: int = 0) -> npt.NDArray[np.bool_]:
    """Tell which prompts lie in the first half, with every family split as evenly as it can be.

    Args:
        prompts: id and family of distinct prompts; the family may be missing.
        seed: Seed of the hash.
        halving: Number of the halving, from 0; each is a new draw.

    Returns:
        Flags, [n]; the first half has n/2 prompts, rounded up. The order of the prompts does not matter.
    """
    keys = [blake2b(f"{seed}/{halving}/{name}".encode(), digest_size=8).hexdigest() for name in prompts["id"]]
    families = prompts["family"].fillna("").astype(str).to_numpy(dtype="U")
    order = np.lexsort((np.array(keys, dtype="U16"), families))
    flags = np.zeros(len(prompts), dtype=bool)
    # Every other prompt across all families: an odd family's spare prompt goes to the half that is behind.
    flags[order[::2]] = True
    return flags


def rows_in_first_half(results: pd.DataFrame, *, seed: int, halving: int = 0) -> npt.NDArray[np.bool_]:
    """Tell which completions belong to prompts of the first half of their split.

    Args:
        results: Rows of results.parquet.
        seed: Seed of the hash.
        halving: Number of the halving, from 0.

    Returns:
        Flags, one per row.
    """
    flags = np.zeros(len(results), dtype=bool)
    for split in SPLITS:
        here = (results["split"] == split).to_numpy()
        prompts = results.loc[here, ["id", "family"]].drop_duplicates("id")
        first = prompts.loc[in_first_half(prompts, seed=seed, halving=halving), "id"]
        flags |= here & results["id"].isin(first).to_numpy()
    return flags
