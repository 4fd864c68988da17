"""Does steering do as much out of distribution as in it? A test of the gap of effects at every point."""

from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from steering_reliability.analysis.baseline_pairs import pair_with_baseline
from steering_reliability.analysis.multiplicity import holm
from steering_reliability.analysis.schema import POINT_KEYS, sort_points

GAP_COLUMNS: Final = [*POINT_KEYS, "prompts", "effect_gap", "low", "high", "n_train", "n_test", "p", "p_holm"]


def gap_tests(results: pd.DataFrame) -> pd.DataFrame:
    """Test the gap of effects, [train(alpha) - train(0)] - [test(alpha) - test(0)], at every steered point.

    Each prompt gives the change of its refusal (averaged over its samples); the changes of the two splits are compared
    by Welch's t-test, whose interval goes with it.

    Args:
        results: The columns of `SUMMARY_INPUTS`.

    Returns:
        Columns `GAP_COLUMNS`, two rows per point of the study: `prompts` is "unseen" (harm_train prompts that did not
        build the direction, the headline) or "all". p_holm is corrected over the grid within `prompts`. Missing is NaN
        with n = 0.
    """
    study = pair_with_baseline(results[results["role"] == "main"], outcomes=["is_refusal"])
    steered = study[~study["from_baseline"].astype(bool) & study["split"].isin(["harm_train", "harm_test"])]
    change = steered["is_refusal_steered_only"] - steered["is_refusal_baseline_only"]
    prompts = steered.assign(change=change).groupby([*POINT_KEYS, "split", "builds_direction", "id"], sort=True)
    means = prompts["change"].mean().dropna().reset_index()
    rows: list[dict[str, Any]] = []
    for key, group in means.groupby(POINT_KEYS, sort=True):
        train, test = (group[group["split"] == split] for split in ("harm_train", "harm_test"))
        unseen = train[~train["builds_direction"].astype(bool)]
        for name, part in (("unseen", unseen), ("all", train)):
            tested = _welch(part["change"].to_numpy(dtype=float), test["change"].to_numpy(dtype=float))
            rows.append(dict(zip(POINT_KEYS, key, strict=True)) | {"prompts": name} | tested)
    table = pd.DataFrame(rows, columns=GAP_COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float), families=table["prompts"].to_numpy(dtype=str))
    return sort_points(table)


def _welch(train: np.ndarray, test: np.ndarray) -> dict[str, float]:
    nothing = {"effect_gap": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}
    sizes = {"n_train": len(train), "n_test": len(test)}
    if min(sizes.values()) < 2:
        return nothing | sizes
    gap = float(train.mean() - test.mean())
    if train.std() == 0 and test.std() == 0:
        # Nobody changed, or everybody: there is no spread to judge by.
        return nothing | sizes | {"effect_gap": gap, "p": 1.0 if gap == 0 else np.nan}
    found = ttest_ind(train, test, equal_var=False)
    interval = found.confidence_interval(0.95)
    return {
        "effect_gap": gap,
        "low": float(interval.low),
        "high": float(interval.high),
        "p": float(found.pvalue),
    } | sizes
