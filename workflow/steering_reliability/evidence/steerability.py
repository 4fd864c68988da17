"""How far each prompt is moved per unit of steering, and how many prompts move the wrong way."""

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import t

from steering_reliability.results.schema import in_order
from steering_reliability.statistics.intervals import wilson_interval

CURVE_KEYS: Final = ["role", "direction", "layer", "seed", "split"]
"""What the prompts of one summary share."""

_PROMPT_KEYS: Final = [*CURVE_KEYS, "id"]


def prompt_steerability(results: pd.DataFrame) -> pd.DataFrame:
    """Return each prompt's steerability: the least-squares slope of its refusal propensity over alpha.

    Only `add` counts; its baseline is the point at alpha 0.

    Returns:
        One row per role, direction, layer, seed, split and prompt id: slope (nats per unit of alpha) and n, the alphas
        it rests on. With fewer than two alphas the slope is NaN and n is 0.

    Source: Tan et al. (2024), arXiv 2407.12404, section 3.
    """
    rows = results[results["intervention"] == "add"]
    curves = rows.groupby([*_PROMPT_KEYS, "alpha"])["refusal_propensity"].mean().reset_index()
    # A missing propensity takes its alpha out of the sums, and a prompt with none at all keeps its row.
    curves["alpha"] = curves["alpha"].where(curves["refusal_propensity"].notna())
    prompts = curves.groupby(_PROMPT_KEYS)
    x = curves["alpha"] - prompts["alpha"].transform("mean")
    y = curves["refusal_propensity"] - prompts["refusal_propensity"].transform("mean")
    sums = curves[_PROMPT_KEYS].assign(xy=x * y, xx=x * x).groupby(_PROMPT_KEYS)[["xy", "xx"]].sum()
    n = prompts["alpha"].count()
    table = pd.DataFrame({"slope": (sums["xy"] / sums["xx"]).where(n >= 2), "n": n.where(n >= 2, 0)})
    return _in_order(table.reset_index(), _PROMPT_KEYS)


def steerability_table(prompts: pd.DataFrame) -> pd.DataFrame:
    """Summarise the slopes of `prompt_steerability`, one row per role, direction, layer, seed and split.

    Returns:
        slope (mean, nats per unit of alpha) with a 95% t interval over prompts; share_wrong_way, the share of prompts
        with a negative slope, with its 95% Wilson interval; n, the prompts with a slope. Missing is NaN with n = 0; one
        prompt gives no t interval.

    Source: Tan et al. (2024), arXiv 2407.12404, section 3 (steerability and anti-steerable examples).
    """
    wrong = (prompts["slope"] < 0).groupby([prompts[key] for key in CURVE_KEYS]).sum()
    slopes = prompts.groupby(CURVE_KEYS)["slope"]
    n, mean = slopes.count(), slopes.mean()
    half = t.ppf(0.975, df=np.maximum(n - 1, 1)) * slopes.sem()
    share = wilson_interval(wrong, n)
    table = pd.DataFrame({"slope": mean, "slope_low": mean - half, "slope_high": mean + half}, index=n.index)
    table["share_wrong_way"], table["share_wrong_way_low"], table["share_wrong_way_high"] = share
    return _in_order(table.assign(n=n).reset_index(), CURVE_KEYS)


def _in_order(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    role, *others = keys
    return in_order(table, others).sort_values(role, kind="stable", ignore_index=True)
