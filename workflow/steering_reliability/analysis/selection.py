"""Is the best operating point as good on prompts that did not choose it?"""

from typing import Final

import numpy as np
import pandas as pd

from steering_reliability.analysis.halves import in_first_half, rows_in_first_half
from steering_reliability.analysis.pareto import on_pareto_frontier, recommended_point
from steering_reliability.analysis.prompt_sums import (
    Array,
    PromptSums,
    main_points,
    prompt_sums,
    weighted_rates,
)
from steering_reliability.analysis.schema import POINT_KEYS, sort_points
from steering_reliability.analysis.summary import summarise

_QUANTITIES: Final = {
    "refusal_harm_test": "refusal_harm_test_n",
    "clean_refusal_harm_test": "clean_refusal_harm_test_n",
    "refusal_effect_harm_test": "refusal_harm_test_n",
    "helpfulness_drop": "refusal_benign_n",
}
"""What is compared between the halves, and the column of the summary that counts its completions."""

_OPTIMISM: Final = ("refusal_harm_test", "helpfulness_drop")


def selection_table(
    results: pd.DataFrame, *, summary: pd.DataFrame, seed: int = 0, n_halvings: int = 200
) -> pd.DataFrame:
    """Choose the recommended point on one half of the prompts and judge it on the other, over many halvings.

    Args:
        results: Rows of results.parquet.
        summary: From `summarise` of the same rows; gives the points, and the one recommended on all prompts.
        seed: Seed of the halvings.
        n_halvings: How many halvings.

    Returns:
        One row per steered point of the study: `POINT_KEYS`; recommended (on all prompts); n_selected and
        selected_share of the halvings; for refusal_harm_test, clean_refusal_harm_test, refusal_effect_harm_test and
        helpfulness_drop the means selected_* and reported_* over the halvings in which the point was selected; the
        optimism_* of refusal and drop, selected minus reported half, with its standard deviation (_sd) over halvings.
        A point that was never selected has n_selected = 0 and NaN.
    """
    steered = sort_points(summary[(summary["role"] == "main") & ~summary["from_baseline"].astype(bool)])
    best = recommended_point(summary)
    table = steered[POINT_KEYS].copy()
    table["recommended"] = [best is not None and all(row[key] == best[key] for key in POINT_KEYS)
                            for row in table.to_dict("records")]  # fmt: skip
    draws = _halvings(results, seed=seed, n_halvings=n_halvings).dropna(subset=["point"])
    by_point = draws.groupby(POINT_KEYS)
    columns = [f"{half}_{name}" for name in _QUANTITIES for half in ("selected", "reported")]
    optimism = [f"optimism_{name}" for name in _OPTIMISM]
    means = by_point[[*columns, *optimism]].mean()
    spread = by_point[optimism].std().add_suffix("_sd")
    found = pd.concat([by_point.size().rename("n_selected"), means, spread], axis=1).reset_index()
    table = table.merge(found, on=POINT_KEYS, how="left", validate="one_to_one")
    table["n_selected"] = table["n_selected"].fillna(0).astype("int64")
    table["selected_share"] = table["n_selected"] / n_halvings
    leading = [*POINT_KEYS, "recommended", "n_selected", "selected_share"]
    return table[[*leading, *(name for name in table.columns if name not in leading)]]


def optimism_table(results: pd.DataFrame, *, seed: int = 0, n_halvings: int = 200) -> pd.DataFrame:
    """Measure by how much the recommended point looks better on the prompts that chose it.

    Args:
        results: Rows of results.parquet.
        seed: Seed of the halvings.
        n_halvings: How many halvings.

    Returns:
        One row per quantity: means on the selected and the reported half, optimism (their difference; for a drop,
        negative is optimistic), its standard deviation and the range that holds 95% of the halvings (low, high: a
        spread over halvings of the same prompts, no confidence interval), and n, the halvings with a selected point.
    """
    draws = _halvings(results, seed=seed, n_halvings=n_halvings)
    rows = []
    for name in _QUANTITIES:
        selected, reported = draws[f"selected_{name}"], draws[f"reported_{name}"]
        gain = (selected - reported).dropna()
        low, high = np.quantile(gain, [0.025, 0.975]) if len(gain) else (np.nan, np.nan)
        known = gain.index
        means = {"selected_half": selected[known].mean(), "reported_half": reported[known].mean()}
        numbers = {"optimism": gain.mean(), "sd": gain.std(), "low": low, "high": high, "n": len(gain)}
        rows.append({"quantity": name, **means, **numbers})
    return pd.DataFrame(rows)


def reported_on_other_half(results: pd.DataFrame, *, seed: int = 0, halving: int = 0) -> pd.DataFrame:
    """Choose the recommended point on one half of the prompts and report it on the other, with intervals.

    Args:
        results: Rows of results.parquet.
        seed: Seed of the halving.
        halving: Number of the halving, from 0.

    Returns:
        One row per quantity: `POINT_KEYS` of the selected point, quantity, selected (value on the half that chose),
        value, low, high and n on the other half, and optimism (selected minus value). No rows where the half
        recommends nothing.
    """
    first = rows_in_first_half(results, seed=seed, halving=halving)
    best = recommended_point(summarise(results[first]))
    columns = [*POINT_KEYS, "quantity", "selected", "value", "low", "high", "n", "optimism"]
    if best is None:
        return pd.DataFrame(columns=columns)
    point = {key: best[key] for key in POINT_KEYS}
    other = summarise(results[~first]).merge(pd.DataFrame([point]), on=POINT_KEYS)
    rows = []
    for name, count in _QUANTITIES.items():
        here = {part: other[f"{name}{part}"].iloc[0] if len(other) else np.nan for part in ("", "_low", "_high")}
        rows.append(
            {**point, "quantity": name, "selected": best[name], "value": here[""], "low": here["_low"]}
            | {"high": here["_high"], "n": int(other[count].iloc[0]) if len(other) else 0}
            | {"optimism": best[name] - here[""]}
        )
    return pd.DataFrame(rows, columns=columns)


def _halvings(results: pd.DataFrame, *, seed: int, n_halvings: int) -> pd.DataFrame:
    """Return per halving the selected point and its quantities on both halves; NaN where none is selected."""
    points = main_points(results)
    test, benign = (prompt_sums(results, split=split, points=points) for split in ("harm_test", "benign"))
    in_test, in_benign = (
        np.array([in_first_half(sums.prompts, seed=seed, halving=halving) for halving in range(n_halvings)])
        for sums in (test, benign)
    )
    selected = _rates(test, benign, in_test=in_test, in_benign=in_benign)
    reported = _rates(test, benign, in_test=~in_test, in_benign=~in_benign)
    chosen = [_choose(points, {name: values[halving] for name, values in selected.items()})
              for halving in range(n_halvings)]  # fmt: skip
    found = np.array([point is not None for point in chosen], dtype=bool)
    index = np.array([0 if point is None else point for point in chosen], dtype=int)
    draws = pd.DataFrame({"point": np.where(found, index, np.nan)})
    for key in POINT_KEYS:
        draws[key] = points[key].reindex(index).reset_index(drop=True)
    for half, rates in (("selected", selected), ("reported", reported)):
        for name, values in rates.items():
            here = values[np.arange(n_halvings), index] if len(points) else np.full(n_halvings, np.nan)
            draws[f"{half}_{name}"] = np.where(found, here, np.nan)
    for name in _OPTIMISM:
        draws[f"optimism_{name}"] = draws[f"selected_{name}"] - draws[f"reported_{name}"]
    return draws


def _rates(test: PromptSums, benign: PromptSums, *, in_test: np.ndarray, in_benign: np.ndarray) -> dict[str, Array]:
    return {
        "refusal_harm_test": weighted_rates(in_test, sums=test.refusals, counts=test.n),
        "clean_refusal_harm_test": weighted_rates(in_test, sums=test.clean_refusals, counts=test.n),
        "refusal_effect_harm_test": weighted_rates(in_test, sums=test.refusal_change, counts=test.pairs),
        "helpfulness_drop": weighted_rates(in_benign, sums=benign.helpful_loss, counts=benign.pairs),
    }


def _choose(points: pd.DataFrame, rates: dict[str, Array]) -> int | None:
    frontier = on_pareto_frontier(gain=rates["refusal_harm_test"], cost=rates["helpfulness_drop"])
    half = points.assign(**rates, on_pareto=frontier, point=np.arange(len(points)))
    best = recommended_point(half)
    return None if best is None else int(best["point"])
