"""Do layers differ? Each pair at the same strength, on the same prompts, corrected for the number of pairs."""

from itertools import combinations
from typing import Any, Final

import pandas as pd

from steering_reliability.analysis.multiplicity import holm, mcnemar_p
from steering_reliability.analysis.paired import compare_refusals

_SPLIT: Final = "harm_test"
_KEYS: Final = ["direction", "intervention", "alpha", "seed"]

LAYER_COLUMNS: Final = [
    *("direction", "intervention", "alpha", "seed", "layer", "other_layer"),
    *("difference", "low", "high", "n", "p", "p_holm"),
]


def layer_differences(results: pd.DataFrame) -> pd.DataFrame:
    """Compare refusal on harm_test between every two layers at the same strength.

    Args:
        results: Rows of results.parquet.

    Returns:
        Columns `LAYER_COLUMNS`, one row per pair of layers and strength of the study: refusal at `layer` minus that at
        `other_layer` with Newcombe's interval for paired data, McNemar's exact p, and p after Holm over all pairs.
    """
    study = results[(results["role"] == "main") & (results["split"] == _SPLIT)]
    steered = study[~study["from_baseline"].astype(bool)]
    rows: list[dict[str, Any]] = []
    for key, group in steered.groupby(_KEYS, sort=True):
        by_layer = {int(str(layer)): part for layer, part in group.groupby("layer", sort=True)}
        for one, other in combinations(by_layer, 2):
            place = dict(zip(_KEYS, key, strict=True))
            rows.append(place | _pair(by_layer[one], by_layer[other]) | {"layer": one, "other_layer": other})
    table = pd.DataFrame(rows, columns=LAYER_COLUMNS)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float)) if len(table) else table["p"]
    return table


def _pair(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    compared = compare_refusals(one, other)
    pairs = one[["id", "sample", "is_refusal"]].merge(other[["id", "sample", "is_refusal"]], on=["id", "sample"])
    # Several samples of a prompt are one unit: it counts for the side on which it refuses more often.
    lead = (pairs["is_refusal_x"].astype(float) - pairs["is_refusal_y"].astype(float)).groupby(pairs["id"]).mean()
    p = float(mcnemar_p((lead > 0).sum(), second_only=(lead < 0).sum())) if len(lead) else float("nan")
    return {"difference": compared.value, "low": compared.low, "high": compared.high, "n": compared.n, "p": p}
