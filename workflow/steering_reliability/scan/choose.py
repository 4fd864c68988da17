"""The choice of layers and strengths from the scan."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.scan.chosen import Chosen
from steering_reliability.scan.readings import (
    BEYOND,
    Curve,
    LayerReading,
    curves_of,
    middle_target,
    read_layers,
    strength_at,
)  # fmt: skip
from steering_reliability.scan.table import MAIN, ScanRow
from steering_reliability.text.numbers import listed

LAYERS: Final = 3
"""Layers that are chosen."""
APART: Final = 2
"""Blocks between two of them, at least: neighbours do nearly the same."""


def choose(
    rows: Sequence[ScanRow],
    *,
    layers: Sequence[int] | None,
    alphas: Mapping[str, Sequence[float] | None],
    target_kl: Sequence[float],
) -> Chosen:
    """Choose what the config leaves open.

    **Disturbance.** The disturbance of a strength is its mean first-token KL on benign prompts: on these the model
    should go on as before, while on harmful ones a change is wanted. Strengths are compared at equal disturbance.

    **Layers.** At each layer, the strength is read off at which the disturbance is the middle one of `target_kl`
    (log-log interpolation), and then the change of refusal propensity on harm_train at that strength (linear
    interpolation). Of the layers at which the change exceeds the band of random directions the three with the largest
    change are taken, at least two blocks apart. Where fewer than three exceed it, the next largest fill up, and a note
    says so. A layer at which the disturbance lies more than a factor of 2 in strength beyond what was measured is not
    taken.

    **Strengths.** For each of `target_kl` the strength at which the disturbance, a geometric mean over the layers,
    reaches it (log-log interpolation), to two significant digits. Of chosen layers those count that exceed the band, if
    any does. A strength is at most twice the strongest that was measured and at least half of the weakest; a note says
    where that ends it. Strengths that come to the same are taken once.

    Args:
        rows: The scan.
        layers: The blocks that the config names; None to choose them.
        alphas: By intervention the strengths that the config lists; None to choose them.
        target_kl: Disturbances, nats.

    Raises:
        InputError: When strengths of an intervention were not measured, or at no layer can the disturbance be reached.
    """
    measured = next(row.intervention for row in rows)
    notes: list[str] = []
    chosen, where = None, sorted(layers or ())
    if layers is None:
        readings = read_layers(rows, intervention=measured, target_kl=target_kl)
        taken = _best(readings)
        if not taken:
            raise _out_of_reach(rows, middle_target(target_kl))
        chosen = tuple(sorted(reading.layer for reading in taken))
        # Layers that fill up may need much more, at which the others would be far beyond the target.
        where = sorted(reading.layer for reading in taken if reading.exceeds) or list(chosen)
        notes += _layer_notes(taken, readings, target_kl)
    strengths = {name: tuple(given) for name, given in alphas.items() if given is not None}
    for name, given in alphas.items():
        if given is None:
            curve = _mean_curve(curves_of(rows, intervention=name)[MAIN], where)
            strengths[name] = _strengths(curve, target_kl, name=name, layers=where, notes=notes)
    is_open = None in alphas.values()
    return Chosen(chosen, {name: strengths[name] for name in alphas} if is_open else None, tuple(notes))


def _best(readings: Sequence[LayerReading]) -> list[LayerReading]:
    """The layers to take, best first: those beyond the band before the others."""
    reached = [reading for reading in readings if not math.isnan(reading.change)]
    taken: list[LayerReading] = []
    for reading in sorted(reached, key=lambda one: (not one.exceeds, -one.change, one.layer)):
        if len(taken) < LAYERS and all(abs(reading.layer - other.layer) >= APART for other in taken):
            taken.append(reading)
    return taken


def _layer_notes(
    taken: Sequence[LayerReading], readings: Sequence[LayerReading], target_kl: Sequence[float]
) -> list[str]:
    middle, targets = middle_target(target_kl), sorted(target_kl)
    exceeding = [reading.layer for reading in taken if reading.exceeds]
    places = sorted(taken, key=lambda reading: reading.layer)
    raised = "they raise" if all(reading.change > 0 for reading in places) else "they change (upwards is more)"
    notes = [
        f"Layers {listed([reading.layer for reading in places])}: of {len(readings)} layers {raised} the refusal "
        f"propensity on harm_train most at a first-token KL of {middle:g} nats on benign, at least {APART} blocks "
        "apart."
    ]
    for reading in places:
        band = "no band was measured" if math.isnan(reading.high) else f"random directions: up to {reading.high:+.2f}"
        low, high = reading.usable
        ends = f"more than {high:.2g}" if reading.alphas[-1] > high else f"{high:.2g}"
        starts = f"less than {low:.2g}" if reading.alphas[0] < low else f"{low:.2g}"
        notes.append(
            f"Layer {reading.layer}: {reading.change:+.2f} nats at alpha {reading.alphas[targets.index(middle)]:.2g} "
            f"({band}); a KL of {targets[0]:g} to {targets[-1]:g} nats takes alpha {starts} to {ends}."
        )
    if all(math.isnan(reading.high) for reading in readings):
        notes.append("Too few random directions were measured to say whether another direction would do as much.")
    elif not exceeding:
        notes.append("At no layer does the direction raise refusal more than random directions do.")
    elif len(exceeding) < len(taken):
        others = sorted({reading.layer for reading in taken} - set(exceeding))
        word = "layer" if len(others) == 1 else "layers"
        notes.append(f"At {word} {listed(others)} it does not raise refusal more than random directions do.")
    if len(taken) < LAYERS:
        notes.append(f"There are not {LAYERS} layers to take: the others are too near, or their KL is out of reach.")
    return notes


def _mean_curve(curves: Mapping[int, Curve], layers: Sequence[int]) -> Curve:
    """The geometric mean of the disturbance over layers, at each strength."""
    absent = sorted(set(layers) - set(curves))
    if absent:
        what = f"the scan has not measured layer {', '.join(map(str, absent))}, where the direction does not exist"
        raise InputError(what, where="config key experiment.layers", fix="leave it out, or list experiment.alphas")
    alphas = curves[layers[0]].alphas
    smallest = 1e-12
    kl = [
        math.exp(math.fsum(math.log(max(curves[layer].kl[at], smallest)) for layer in layers) / len(layers))
        for at in range(len(alphas))
    ]
    return Curve(alphas, tuple(kl), tuple(0.0 for _ in alphas))


def _strengths(
    curve: Curve, target_kl: Sequence[float], *, name: str, layers: Sequence[int], notes: list[str]
) -> tuple[float, ...]:
    lowest, highest = curve.alphas[0] / BEYOND, curve.alphas[-1] * BEYOND
    found: dict[float, list[float]] = {}
    clamped = []
    for target in sorted(target_kl):
        exact = strength_at(target, alphas=curve.alphas, kl=curve.kl)
        alpha = float(f"{min(max(exact, lowest), highest):.2g}")
        found.setdefault(alpha, []).append(target)
        if not lowest <= exact <= highest:
            clamped.append((target, alpha))
    words = "; ".join(f"alpha {alpha:g} for {listed(targets)} nats" for alpha, targets in found.items())
    mean = f" (geometric mean over layers {listed(layers)})" if len(layers) > 1 else f" at layer {layers[0]}"
    notes.append(f"Strengths of {name}, by first-token KL on benign{mean}: {words}.")
    for target, alpha in clamped:
        notes.append(
            f"A KL of {target:g} nats lies more than a factor of {BEYOND:g} beyond the strengths of the scan: "
            f"alpha {alpha:g} is as far as it goes."
        )
    return tuple(found)


def _out_of_reach(rows: Sequence[ScanRow], target: float) -> InputError:
    strongest = max(row.alpha for row in rows)
    what = f"no layer has a strength near those of the scan (a factor of {BEYOND:g}) at which the KL is {target:g} nats"
    fix = (
        f"add strengths above {strongest:g} or below {min(row.alpha for row in rows):g}, or change experiment.target_kl"
    )
    return InputError(what, where="config key scan.strengths", fix=fix)
