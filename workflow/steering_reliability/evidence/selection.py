"""How sure is the choice of the recommended point, and how much does it flatter the cost that it is chosen by?"""

from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from steering_reliability.evidence.cluster_counts import IN_DIRECTION, count_clusters
from steering_reliability.evidence.pareto import choosing_rate, recommended_point, weighted_rates
from steering_reliability.results.schema import POINT_KEYS, sort_points, steered_points
from steering_reliability.statistics.intervals import Array

_QUANTITIES: Final = ("clean_refusal_harm_train", "helpfulness_drop")
"""What the point is chosen by."""


def selection_table(rows: pd.DataFrame, *, summary: pd.DataFrame, seed: int = 0, n_splits: int = 200) -> pd.DataFrame:
    """Choose the recommended point on one half of the templates and judge it on the other, over many splits in half.

    The rows are the study's, from `with_outcomes`; the summary gives the points, and the one recommended on all
    prompts.

    Returns:
        One row per steered point of the study: `POINT_KEYS`; recommended (on all prompts); n_selected and
        selected_share of the splits; for clean_refusal_harm_train (on the prompts that choose) and helpfulness_drop
        the means selected_* and reported_* over the splits in which the point was selected, and optimism_*, selected
        minus reported half, with its standard deviation (_sd) over splits. A point that was never selected has
        n_selected = 0 and NaN.
    """
    steered = sort_points(steered_points(summary))
    best = recommended_point(summary)
    table = steered[POINT_KEYS].copy()
    records = table.to_dict("records")
    table["recommended"] = [best is not None and all(row[key] == best[key] for key in POINT_KEYS) for row in records]
    draws = _split_halves(rows, summary, seed=seed, n_splits=n_splits)
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
    # Without any split the keys have no type of their own.
    found = found.astype({key: table[key].dtype for key in POINT_KEYS})
    table = table.merge(found, on=POINT_KEYS, how="left", validate="one_to_one")
    table["n_selected"] = table["n_selected"].fillna(0).astype("int64")
    table.insert(len(POINT_KEYS) + 2, "selected_share", table["n_selected"] / n_splits)
    return table


def _split_halves(rows: pd.DataFrame, summary: pd.DataFrame, *, seed: int, n_splits: int) -> pd.DataFrame:
    """Return the selected point of each split that selects one, with its quantities on both halves."""
    prompts = count_clusters(rows, unit="id")
    by_built = choosing_rate(summary) != "clean_refusal_harm_train"
    train = IN_DIRECTION if by_built else "harm_train"
    help_pairs = prompts.pairs("helpful", "benign")
    in_train = (rows["split"] == "harm_train") & (rows["builds_direction"].astype(bool) | (not by_built))
    clusters = [rows[chosen].groupby("id")["cluster"].first() for chosen in (in_train, rows["split"] == "benign")]
    keys = ["from_baseline", "relative_strength"]
    points = summary.set_index(POINT_KEYS)[keys].reindex(prompts.points).reset_index()
    found: list[dict[str, Any]] = []
    for number in range(n_splits):
        first = [in_first_half(names, seed=seed, number=number) for names in clusters]
        both: list[dict[str, Array]] = []
        for flags in (first, [~part for part in first]):
            values = (
                weighted_rates(
                    flags[0][None], sums=prompts.successes("clean_refusal", train), counts=prompts.sizes(train)
                )[0],
                weighted_rates(flags[1][None], sums=-help_pairs.differences, counts=help_pairs.sizes)[0],
            )
            both.append(dict(zip(_QUANTITIES, values, strict=True)))
        best = recommended_point(
            points.assign(**both[0], clean_refusal_harm_train_seen_n=0, number=np.arange(len(points)))
        )
        if best is not None:
            found.append({key: best[key] for key in POINT_KEYS} | _judged(both[0], both[1], best["number"]))
    names = [f"{kind}_{name}" for name in _QUANTITIES for kind in ("selected", "reported", "optimism")]
    return pd.DataFrame(found, columns=[*POINT_KEYS, *names])


def in_first_half(clusters: "pd.Series[str]", *, seed: int, number: int = 0) -> npt.NDArray[np.bool_]:
    """Tell which prompts lie in the first half; near copies of one template lie in the same one.

    `number` counts the splits from 0; each is a new draw.

    Returns:
        Flags, [n]; the first half has half of the clusters, rounded up. The order of the prompts does not matter.
    """
    names = sorted(
        set(clusters), key=lambda name: blake2b(f"{seed}/{number}/{name}".encode(), digest_size=8).hexdigest()
    )
    return np.asarray(clusters.isin(names[: (len(names) + 1) // 2]), dtype=bool)


def _judged(selected: dict[str, Array], reported: dict[str, Array], place: int) -> dict[str, float]:
    judged: dict[str, float] = {}
    for name in _QUANTITIES:
        one, other = float(selected[name][place]), float(reported[name][place])
        judged |= {f"selected_{name}": one, f"reported_{name}": other, f"optimism_{name}": one - other}
    return judged
