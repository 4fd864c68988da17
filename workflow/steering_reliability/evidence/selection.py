"""How sure is the choice of the recommended point, and how much does it flatter the cost that it is chosen by?"""

from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.halves import in_first_half
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.results.prompt_sums import Array, main_points, prompt_sums, weighted_rates
from steering_reliability.results.schema import POINT_KEYS, as_records, sort_points

_QUANTITIES: Final = ("clean_refusal_harm_train", "helpfulness_drop")
"""What the point is chosen by."""


def selection_table(
    results: pd.DataFrame, *, summary: pd.DataFrame, seed: int = 0, n_halvings: int = 200
) -> pd.DataFrame:
    """Choose the recommended point on one half of the templates and judge it on the other, over many halvings.

    Args:
        results: Rows of results.parquet.
        summary: From `summarise` of the same rows; gives the points, and the one recommended on all prompts.
        seed: Seed of the halvings.
        n_halvings: How many halvings.

    Returns:
        One row per steered point of the study: `POINT_KEYS`; recommended (on all prompts); n_selected and
        selected_share of the halvings; for clean_refusal_harm_train (on the prompts that choose) and helpfulness_drop
        the means selected_* and reported_* over the halvings in which the point was selected, and optimism_*, selected
        minus reported half, with its standard deviation (_sd) over halvings. A point that was never selected has
        n_selected = 0 and NaN.
    """
    steered = sort_points(summary[(summary["role"] == "main") & ~summary["from_baseline"].astype(bool)])
    best = recommended_point(summary)
    table = steered[POINT_KEYS].copy()
    records = table.to_dict("records")
    table["recommended"] = [best is not None and all(row[key] == best[key] for key in POINT_KEYS) for row in records]
    draws = _halvings(results, summary, seed=seed, n_halvings=n_halvings)
    by_point = draws.groupby(POINT_KEYS)
    optimism = [f"optimism_{name}" for name in _QUANTITIES]
    columns = [f"{half}_{name}" for name in _QUANTITIES for half in ("selected", "reported")]
    found = pd.concat(
        [
            by_point.size().rename("n_selected"),
            by_point[[*columns, *optimism]].mean(),
            by_point[optimism].std().add_suffix("_sd"),
        ],
        axis=1,
    ).reset_index()
    # Without any halving the keys have no type of their own.
    found = found.astype({key: table[key].dtype for key in POINT_KEYS})
    table = table.merge(found, on=POINT_KEYS, how="left", validate="one_to_one")
    table["n_selected"] = table["n_selected"].fillna(0).astype("int64")
    table.insert(len(POINT_KEYS) + 2, "selected_share", table["n_selected"] / n_halvings)
    return table


def _halvings(results: pd.DataFrame, summary: pd.DataFrame, *, seed: int, n_halvings: int) -> pd.DataFrame:
    """Return the selected point of each halving that selects one, with its quantities on both halves."""
    points = main_points(results)
    choosing = results
    if (summary["clean_refusal_harm_train_seen_n"] > 0).any():
        choosing = results[(results["split"] != "harm_train") | results["builds_direction"].astype(bool)]
    train, benign = (prompt_sums(choosing, split=split, points=points) for split in ("harm_train", "benign"))
    rows: list[dict[str, Any]] = []
    for halving in range(n_halvings):
        first = [in_first_half(sums.prompts, seed=seed, halving=halving) for sums in (train, benign)]
        both = []
        for flags in (first, [~part for part in first]):
            values = (
                weighted_rates(flags[0][None], sums=train.clean_refusals, counts=train.n)[0],
                weighted_rates(flags[1][None], sums=benign.helpful_loss, counts=benign.pairs)[0],
            )
            both.append(dict(zip(_QUANTITIES, values, strict=True)))
        place = _choose(points, both[0])
        if place is not None:
            rows.append(as_records(points[POINT_KEYS].iloc[[place]])[0] | _judged(both[0], both[1], place))
    names = [f"{kind}_{name}" for name in _QUANTITIES for kind in ("selected", "reported", "optimism")]
    return pd.DataFrame(rows, columns=[*POINT_KEYS, *names])


def _judged(selected: dict[str, Array], reported: dict[str, Array], place: int) -> dict[str, float]:
    judged: dict[str, float] = {}
    for name in _QUANTITIES:
        one, other = float(selected[name][place]), float(reported[name][place])
        judged |= {f"selected_{name}": one, f"reported_{name}": other, f"optimism_{name}": one - other}
    return judged


def _choose(points: pd.DataFrame, rates: dict[str, Array]) -> int | None:
    seen = {"clean_refusal_harm_train_seen": np.nan, "clean_refusal_harm_train_seen_n": 0}
    best = recommended_point(points.assign(**rates, **seen, point=np.arange(len(points))))
    return None if best is None else int(best["point"])
