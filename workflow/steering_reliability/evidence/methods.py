"""Do other methods of making the direction do as much as the study's, at the same disturbance of the next token?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from steering_reliability.evidence.cluster_counts import count_units
from steering_reliability.evidence.equal_kl import weights_at
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.results.schema import GRID_ROLES, TableRow, as_records, at_point, in_order
from steering_reliability.statistics.cluster_intervals import clustered_difference
from steering_reliability.statistics.cluster_tests import sign_flip_p
from steering_reliability.statistics.intervals import Array
from steering_reliability.statistics.multiplicity import LEVEL, holm
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import interval, rounded, signed

CHANGES: Final = {
    "clean_refusal_effect_harm_train": ("harm_train", "is_clean_refusal", 1),
    "clean_refusal_effect_harm_test": ("harm_test", "is_clean_refusal", 1),
    "helpfulness_drop": ("benign", "is_helpful", -1),
}
"""What is compared: split, outcome, and 1 for steered minus unsteered or -1 for the reverse."""

METHODS_COLUMNS: Final = [
    *("direction", "role", "intervention", "layer", "seed", "sign", "kl", "alpha"),
    *(f"{name}{part}" for name in CHANGES for part in ("", "_low", "_high", "_n")),
    *("difference", "low", "high", "sides_low", "sides_high", "n", "n_clusters", "p", "p_corrected"),
    *("verdict", "sentence"),
]

_PLACE: Final = ["intervention", "layer", "seed"]
_ITEM: Final = ["id", "sample"]
_TESTED: Final = "clean_refusal_effect_harm_test"
_NUMBERS: Final = ("difference", "low", "high", "sides_low", "sides_high", "n", "n_clusters", "p")
_RESOLUTION: Final = 200
"""Steps of a change of one completion in the sign-flip test, which counts in whole numbers."""


def methods_table(rows: pd.DataFrame, *, summary: pd.DataFrame) -> pd.DataFrame:
    """Compare every method with the study's at equal KL, by intervention and layer.

    Each method's changes are read at a KL by linear interpolation along its strengths (`weights_at`), of the prompts
    that all methods share; the KL is that of the first token, a mean over the prompts of all splits. The levels are
    the KLs of the study's points, and that of another method's own recommended point.

    A method is tested against the study's on harm_test, which chose neither point: at the study's recommended point,
    and at the method's own. p is that of `sign_flip_p` over clusters, corrected by Holm's method for these tests. A
    difference is shown where its interval excludes 0, the corrected p is at most 0.05, and it has the same sign at the
    strengths on either side of the KL, since a curve need not be straight between them.

    The rows are from `with_outcomes` and have first_token_kl; other roles than main and method do not matter.

    Returns:
        Columns `METHODS_COLUMNS`, one row per place, KL and method, no rows where there is only one method: changes as
        fractions with 95% intervals, those at two strengths interpolated like the change, which makes them too wide
        rather than too narrow; alpha, interpolated too; where tested the difference from the study's method, its least
        and largest value at the strengths on either side (sides_*), verdict and sentence. Beyond a method's largest KL
        the changes are NaN with n = 0.
    """
    grid = rows[rows["role"].isin(GRID_ROLES)]
    main = sorted(grid.loc[grid["role"] == "main", "direction"].unique())
    others = sorted(grid.loc[grid["role"] == "method", "direction"].unique())
    if not main or not others:
        return pd.DataFrame(columns=METHODS_COLUMNS)
    curves = _curves_of(grid)
    points = {name: _recommended(summary, name) for name in (main[0], *others)}
    found: list[dict[str, Any]] = []
    for place, curve in curves.items():
        levels = _levels(curve, place, points, main=main[0])
        for kl, tested in sorted(levels.items()):
            found += [curve.row(name, kl, main=main[0], tested=name in tested) for name in (main[0], *others)]
    return _judged(pd.DataFrame(found, columns=METHODS_COLUMNS), main=main[0])


@dataclass(frozen=True)
class _Curves:
    """The methods' completions at one place and sign of alpha.

    Attributes:
        place: intervention, layer, seed and sign of alpha.
        alphas: Method to its strengths, [points].
        kl: Method to the mean KL of each of them.
        outcomes: Change to method to outcomes, [1 + points, completions], the unsteered ones first.
        units: Change to the cluster of each completion.
    """

    place: dict[str, Any]
    alphas: Mapping[str, Array]
    kl: Mapping[str, Array]
    outcomes: Mapping[str, Mapping[str, Array]]
    units: Mapping[str, "pd.Series[str]"]

    def weights(self, method: str, level: float) -> Array:
        """Return the weights that read a method at a KL, that of the unsteered model first; NaN beyond its reach."""
        if method not in self.kl:
            return np.full(1, np.nan)
        weights = weights_at(level, kl=self.kl[method])
        return np.append(1 - weights.sum(), weights)

    def row(self, method: str, level: float, *, main: str, tested: bool) -> dict[str, Any]:
        """Return a method's changes at a KL and, where it is tested, its difference from the main method."""
        weights = self.weights(method, level)
        alpha = float(weights[1:] @ self.alphas[method]) if method in self.alphas else np.nan
        row = {**self.place, "direction": method, "role": "main" if method == main else "method", "kl": level}
        row["alpha"] = alpha
        for name, (_, _, sign) in CHANGES.items():
            value, low, high, _, _, n, *_ = self._change(name, (method, weights), None)
            low, high = sorted((sign * low, sign * high))
            row |= {name: sign * value, f"{name}_low": low, f"{name}_high": high, f"{name}_n": n}
        if tested:
            values = self._change(_TESTED, (method, weights), (main, self.weights(main, level)))
            row |= dict(zip(_NUMBERS, values, strict=True))
        return row

    def _change(
        self, name: str, one: tuple[str, Array], other: tuple[str, Array] | None
    ) -> tuple[float, float, float, float, float, int, int, float]:
        """Return one reading of an outcome minus another, or minus the unsteered model: `_NUMBERS`.

        A reading is a weighted mean of conditions, so the difference is one of pairs of conditions, of which each has
        an interval of its own.
        """
        nothing = (np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0, np.nan)
        outcomes = self.outcomes[name]
        (first, weights), (second, others) = one, other or (one[0], np.ones(1))
        if np.isnan(weights).any() or np.isnan(others).any():
            return nothing
        pairs = np.argwhere(np.outer(weights, others) > 0)
        # The unsteered model does not differ from itself.
        pairs = pairs[pairs.any(axis=1)]
        shares = weights[pairs[:, 0]] * others[pairs[:, 1]]
        counts = count_units(outcomes[first][pairs[:, 0]], outcomes[second][pairs[:, 1]], self.units[name])
        n = counts.sizes.sum(-1)
        if not n.size or not n.min():
            return nothing
        change = clustered_difference(counts)
        value, low, high = (float(shares @ part) for part in change)
        p = float(sign_flip_p(np.rint(_RESOLUTION * (shares @ counts.differences)))) if other else np.nan
        sides = float(change.value.min()), float(change.value.max())
        return value, low, high, *sides, int(n.min()), int((counts.sizes > 0).sum(-1).min()), p


def _curves_of(grid: pd.DataFrame) -> dict[tuple[Any, ...], _Curves]:
    """The curves by intervention, layer, seed and sign of alpha, adding before ablating as in the tables."""
    grid = grid.assign(sign=np.sign(grid["alpha"]))
    places = in_order(grid.loc[grid["sign"] != 0, [*_PLACE, "sign"]].drop_duplicates(), [*_PLACE, "sign"])
    found = {}
    for place in as_records(places):
        here = at_point(grid, place, keys=_PLACE)
        here = here[here["sign"].isin([0.0, place["sign"]])]
        found[tuple(place.values())] = _curves(here, place | {"sign": int(place["sign"])})
    return found


def _curves(here: pd.DataFrame, place: dict[str, Any]) -> _Curves:
    # Steered points from weak to strong, after the unsteered model.
    here = here.assign(strength=here["alpha"].abs())
    points = here[["direction", "strength", "alpha"]].drop_duplicates().sort_values(["direction", "strength"])
    steered = points[points["strength"] > 0]
    kl = here[here["strength"] > 0].pivot(
        index=["direction", "strength"], columns=["split", *_ITEM], values="first_token_kl"
    )
    # Rounding can leave a KL just below 0, and two equal ones a last bit apart.
    means = kl.dropna(axis=1).mean(axis=1).clip(lower=0.0).round(12)
    outcomes: dict[str, dict[str, Array]] = {}
    units = {}
    for name, (split, flag, _) in CHANGES.items():
        part = here[here["split"] == split]
        table = part.pivot(index=["direction", "strength"], columns=_ITEM, values=flag)
        units[name] = part.drop_duplicates(_ITEM).set_index(_ITEM)["cluster"].reindex(table.columns)
        outcomes[name] = {
            str(method): table.reindex(pd.MultiIndex.from_frame(own[["direction", "strength"]])).to_numpy(dtype=float)
            for method, own in points.groupby("direction")
        }
    return _Curves(
        place=place,
        alphas={str(method): own["alpha"].to_numpy() for method, own in steered.groupby("direction")},
        kl={str(method): own.to_numpy() for method, own in means.groupby("direction")},
        outcomes=outcomes,
        units=units,
    )


def _recommended(summary: pd.DataFrame, method: str) -> dict[str, Any] | None:
    """Return the point that would be recommended if the study had only this method."""
    own = summary[summary["role"].isin(GRID_ROLES) & (summary["direction"] == method)]
    return recommended_point(own.assign(role="main"))


def _levels(
    curve: _Curves, place: tuple[Any, ...], points: Mapping[str, TableRow | None], *, main: str
) -> dict[float, list[str]]:
    """The KLs of the study's points at a place, and those at which methods are tested there."""
    levels: dict[float, list[str]] = {float(kl): [] for kl in curve.kl.get(main, ()) if not np.isnan(kl)}
    others = [name for name in points if name != main]
    for name, point in points.items():
        if point is None or (*(point[key] for key in _PLACE), np.sign(point["alpha"])) != place:
            continue
        at = np.flatnonzero(curve.alphas.get(name, np.empty(0)) == point["alpha"])
        for kl in curve.kl.get(name, np.empty(0))[at]:
            if not np.isnan(kl):
                levels.setdefault(float(kl), []).extend(others if name == main else [name])
    return levels


def _judged(table: pd.DataFrame, *, main: str) -> pd.DataFrame:
    """Correct the tests for their number, and say what may be said."""
    table = table.assign(p_corrected=holm(table["p"].astype(float)))
    n_tests = int(table["p"].notna().sum())
    tested = [row if row["n"] == row["n"] else None for row in as_records(table)]
    verdicts = [None if row is None else _verdict(row) for row in tested]
    sentences = [None if row is None else _sentence(row, main=main, n_tests=n_tests) for row in tested]
    words = pd.DataFrame({"verdict": verdicts, "sentence": sentences}, index=table.index, dtype=object)
    return pd.concat([table.drop(columns=list(words)), words], axis=1)


def _verdict(row: TableRow) -> str:
    if not row["n"]:
        return "out of range"
    # Between two strengths a curve is not straight: what is read there must hold at both.
    excludes_zero = min(row["low"], row["sides_low"]) > 0 or max(row["high"], row["sides_high"]) < 0
    if row["p_corrected"] <= LEVEL and excludes_zero:
        return "higher" if row["difference"] > 0 else "lower"
    return "cannot tell"


def _sentence(row: TableRow, *, main: str, n_tests: int) -> str:
    method, verdict = row["direction"], _verdict(row)
    where = f"first-token KL of {row['kl']:.3g} nats ({row['intervention']} at {layer_words(row['layer'])})"
    if verdict == "out of range":
        reason = "a method does not reach it, or they share no prompts"
        return f"{method} and {main} cannot be compared at a {where}: {reason}."
    opening = (
        f"The data do not show whether refusal on harm_test differs between {method} and {main} at the same {where}"
        if verdict == "cannot tell"
        else f"Refusal on harm_test is {verdict} with {method} than with {main} at the same {where}"
    )
    of_method, difference = row[_TESTED], row["difference"]
    ends = "no interval" if np.isnan(row["low"]) else f"95% interval {interval(row['low'], row['high'])}"
    sides = row["sides_low"], row["sides_high"]
    if rounded(100 * sides[0]) != rounded(100 * sides[1]):
        ends += f"; {interval(*sides)} at the strengths on either side"
    tests = f"for {n_tests} comparisons" if n_tests > 1 else "for one comparison"
    return (
        f"{opening}: changes of {signed(of_method)} and {signed(of_method - difference)} points, difference "
        f"{signed(difference)} points ({ends}; p {row['p_corrected']:.2g}, corrected {tests})."
    )
