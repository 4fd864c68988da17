"""What the scan says of each layer: the strengths that reach given disturbances, and the change of refusal there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from steering_reliability.errors import InputError
from steering_reliability.scan.table import MAIN, ScanRow

BEYOND: Final = 2.0
"""A strength is read off at most this factor below the weakest and above the strongest that was measured."""
NEAR: Final = 3
"""The band of a layer is made of the random directions at so many layers below and above it too."""
LEVEL: Final = 0.05
"""Probability that a direction like the random ones rises above the band at any layer."""
_LEAST_SLOPE: Final = 0.5
"""Where the KL grows more slowly than this power of the strength, it is taken to have stopped growing."""


@dataclass(frozen=True)
class Curve:
    """One direction at one layer, by strength.

    Attributes:
        alphas: Strengths, ascending.
        kl: Mean first-token KL on benign at each, nats.
        change: Mean change of refusal propensity on harm_train at each, nats.
    """

    alphas: tuple[float, ...]
    kl: tuple[float, ...]
    change: tuple[float, ...]

    def alpha_at(self, target: float) -> float:
        """The strength whose KL is `target` nats: see `strength_at`."""
        return strength_at(target, alphas=self.alphas, kl=self.kl)

    def reaches(self, alpha: float) -> bool:
        """Whether a strength is near enough to those that were measured."""
        return self.alphas[0] / BEYOND <= alpha <= self.alphas[-1] * BEYOND

    def change_at(self, alpha: float) -> float:
        """The change at a strength: linear between the measured ones from (0, 0) on, and level beyond the last."""
        return float(np.interp(alpha, [0.0, *self.alphas], [0.0, *self.change]))


@dataclass(frozen=True)
class LayerReading:
    """What the scan says of one layer.

    Attributes:
        layer: Block index.
        alphas: Strength that reaches each target KL; may lie far beyond those that were measured.
        change: Change of refusal propensity on harm_train at the middle target, nats; NaN out of reach.
        low: Lower end of the band of random directions at the same KL; NaN without a band.
        high: Upper end.
        usable: Strengths from the lowest target to the highest, within what was measured (times 2 at either end).
    """

    layer: int
    alphas: tuple[float, ...]
    change: float
    low: float
    high: float
    usable: tuple[float, float]

    @property
    def exceeds(self) -> bool:
        """Whether the direction raises refusal more than random directions do."""
        return self.change > max(self.high, 0.0)


def strength_at(target: float, *, alphas: Sequence[float], kl: Sequence[float]) -> float:
    """The strength at which the KL first reaches a target, by log-log interpolation.

    Where the KL falls again with strength, the first crossing counts. Below the weakest strength the KL is taken to
    grow with the strength's square, as it does for small ones; above the strongest, as between the last two.

    Returns:
        Infinity where the KL has stopped growing below the target.
    """
    highest = np.maximum.accumulate(kl)
    above = int(np.searchsorted(highest, target))
    if above == len(alphas):
        slope = 2.0
        if len(alphas) > 1 and highest[-2] > 0:
            slope = math.log(highest[-1] / highest[-2]) / math.log(alphas[-1] / alphas[-2])
        if highest[-1] <= 0 or slope < _LEAST_SLOPE:
            return math.inf
        return float(alphas[-1] * (target / highest[-1]) ** (1 / slope))
    if above == 0 or highest[above - 1] <= 0:
        by_square = alphas[above] * math.sqrt(target / highest[above])
        return float(by_square if above == 0 else max(by_square, alphas[above - 1]))
    share = math.log(target / highest[above - 1]) / math.log(highest[above] / highest[above - 1])
    return float(alphas[above - 1] * (alphas[above] / alphas[above - 1]) ** share)


def curves_of(rows: Sequence[ScanRow], *, intervention: str) -> dict[str, dict[int, Curve]]:
    """Direction to layer to curve; the main direction comes first.

    Raises:
        InputError: When the scan has no such intervention, or steering leaves the first token as it is.
    """
    cells: dict[tuple[str, int], dict[float, dict[str, ScanRow]]] = {}
    for row in rows:
        if row.intervention == intervention:
            cells.setdefault((row.direction, row.layer), {}).setdefault(row.alpha, {})[row.split] = row
    if not cells:
        measured = ", ".join(sorted({row.intervention for row in rows}))
        what = f"the scan has not measured {intervention}, and its strengths can't be chosen"
        raise InputError(what, where="config key experiment.alphas", fix=f"list its strengths (measured: {measured})")
    curves: dict[str, dict[int, Curve]] = {}
    for (direction, layer), by_alpha in cells.items():
        ladder = sorted(by_alpha)
        kl = tuple(by_alpha[alpha]["benign"].first_token_kl for alpha in ladder)
        change = tuple(by_alpha[alpha]["harm_train"].propensity_change for alpha in ladder)
        curves.setdefault(direction, {})[layer] = Curve(tuple(ladder), kl, change)
    if not any(max(curve.kl) > 0 for curve in curves[MAIN].values()):
        what = "steering does not change the first token, so strengths can't be compared by its KL"
        fix = "list layers and alphas, or choose experiment.positions that reach the prompt's last token"
        raise InputError(what, where="config key experiment.positions", fix=fix)
    return curves


def read_layers(rows: Sequence[ScanRow], *, intervention: str, target_kl: Sequence[float]) -> list[LayerReading]:
    """What the scan says of each layer, at the KLs of `target_kl` (nats).

    The band is a prediction interval for one more random direction of the same length: above it such a direction rises
    at any layer in one scan of twenty, and below it likewise. It is made of the random directions at the layer and up
    to 3 layers on either side, at their own strength for the same KL (Student's t, Bonferroni over the layers).
    """
    targets = sorted(target_kl)
    middle = middle_target(targets)
    curves = curves_of(rows, intervention=intervention)
    layers = sorted(curves[MAIN])
    by_layer: dict[int, list[float]] = {layer: [] for layer in layers}
    for name, of_direction in curves.items():
        for layer, change in _changes(of_direction, middle).items() if name != MAIN else ():
            by_layer[layer].append(change)
    main = _changes(curves[MAIN], middle)
    readings = []
    for rank, layer in enumerate(layers):
        near = layers[max(0, rank - NEAR) : rank + NEAR + 1]
        low, high = _band([change for other in near for change in by_layer[other]], n_tests=len(layers))
        curve = curves[MAIN][layer]
        alphas = tuple(curve.alpha_at(target) for target in targets)
        readings.append(LayerReading(layer, alphas, main.get(layer, math.nan), low, high, _usable(curve, alphas)))
    return readings


def middle_target(target_kl: Sequence[float]) -> float:
    """The KL at which layers are compared: the middle one, the lower of two."""
    return sorted(target_kl)[(len(target_kl) - 1) // 2]


def _changes(curves: Mapping[int, Curve], target: float) -> dict[int, float]:
    """Change at a KL, by layer; without the layers at which it is out of reach."""
    found = {layer: (curve, curve.alpha_at(target)) for layer, curve in curves.items()}
    return {layer: curve.change_at(alpha) for layer, (curve, alpha) in found.items() if curve.reaches(alpha)}


def _band(changes: Sequence[float], *, n_tests: int) -> tuple[float, float]:
    n = len(changes)
    if n < 3:
        return math.nan, math.nan
    reach = float(stats.t.ppf(1 - LEVEL / n_tests, n - 1) * np.std(changes, ddof=1) * math.sqrt(1 + 1 / n))
    mean = float(np.mean(changes))
    return mean - reach, mean + reach


def _usable(curve: Curve, alphas: Sequence[float]) -> tuple[float, float]:
    weakest, strongest = curve.alphas[0] / BEYOND, curve.alphas[-1] * BEYOND
    low, high = (min(max(alpha, weakest), strongest) for alpha in (alphas[0], alphas[-1]))
    return low, high
