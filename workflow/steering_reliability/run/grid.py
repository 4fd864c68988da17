"""What a run consists of: its directions, its conditions and the path of each shard."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from steering_reliability.config.fields import Intervention, Method
from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import SPLITS

Role = Literal["main", "method", "alt_prefix", "alt_seed", "random", "shuffled"]
Build = Method | Literal["shuffled"]
Point = tuple[Intervention, str, float]
"""Intervention, layer and alpha."""
ClaimPoint = tuple[str, str, str, float]
"""Purpose, intervention, layer and alpha."""


@dataclass(frozen=True)
class Direction:
    """A direction of a run, by the name that its files carry.

    Attributes:
        name: Of its files.
        method: How the vector is made; `random` and `shuffled` are controls of `estimator`, unless `random` is studied.
        texts: The method whose texts are compared.
        activations: Name of the file of activations that it is made of.
        refusal_prefix: Opening of a refusal.
        compliance_prefix: Opening of an answer.
        estimator: The method whose length a control has, and which `shuffled` repeats.
        seed: Of a control.
    """

    name: str
    method: Build
    texts: Method
    activations: str
    refusal_prefix: str
    compliance_prefix: str
    estimator: Method
    seed: int = 0


@dataclass(frozen=True)
class Condition:
    """One cell of the grid, in one role."""

    role: Role
    direction: str
    intervention: Intervention
    layer: str
    alpha: float
    seed: int
    splits: tuple[str, ...] = SPLITS

    @property
    def cell(self) -> tuple[str, str, str, float, int]:
        """What decides the condition's completions: direction, intervention, layer, alpha and seed."""
        return self.direction, self.intervention, self.layer, self.alpha, self.seed

    def shard(self, split: str) -> str:
        """Path of the completions on a split, relative to the run's folder."""
        cell = f"{self.direction}/{self.intervention}/layer_{self.layer}/alpha_{self.alpha:g}/seed_{self.seed}"
        return f"completions/{cell}/{split}.jsonl"


def baseline_shard(split: str, *, seed: int) -> str:
    """Path of the unsteered completions on a split, relative to the run's folder."""
    return f"completions/baseline/seed_{seed}/{split}.jsonl"


def directions(config: Config) -> dict[str, Direction]:
    """All directions of a run by name, those of the methods first; activations that only others use come too."""
    chosen, checks = config.direction, config.sanity_checks
    main = chosen.main_method
    found: dict[str, Direction] = {method: _direction(config, method=method) for method in chosen.methods}
    for texts in [direction.texts for direction in found.values()]:
        # Activations are named by the method that compares the same texts.
        found.setdefault(texts, _direction(config, method=texts))
    if not checks.enabled:
        return found
    if chosen.texts_of(main) == "contrastive_prefix":
        for number, pair in enumerate(checks.alt_prefixes, start=1):
            name = f"{main}_alt{number}"
            worded = replace(found[main], name=name, activations=name)
            found[name] = replace(worded, refusal_prefix=pair.refusal_prefix, compliance_prefix=pair.compliance_prefix)
    controls: list[tuple[Build, list[int]]] = [("random", checks.random_seeds), ("shuffled", checks.shuffled_seeds)]
    for method, control_seeds in controls:
        for seed in control_seeds:
            name = f"{method}_{seed}"
            found[name] = replace(found[main], name=name, method=method, seed=seed)
    return found


def _direction(config: Config, *, method: Method) -> Direction:
    chosen = config.direction
    texts = chosen.texts_of(method)
    estimator: Method = texts if method == "random" else method
    prefixes = (chosen.refusal_prefix, chosen.compliance_prefix)
    return Direction(method, method, texts, texts, *prefixes, estimator=estimator)


def main_direction(config: Config) -> str:
    """Name of the direction that the grid sweeps."""
    return config.direction.main_method


def conditions(config: Config, *, layers: list[str]) -> list[Condition]:
    """The conditions that are known from the config alone (alpha 0 is the baseline and needs none).

    `layers` are the names of the grid's layers; none where the scan has not chosen them.
    """
    main, *others = config.direction.methods
    seed, points = config.generation.seed, _grid_points(config, layers=layers)
    grid = [Condition("main", main, *point, seed) for point in points]
    grid += [Condition("method", other, *point, seed) for other in others for point in points]
    checks = config.sanity_checks
    if checks.enabled and grid and not _varies_recommended(config):
        grid += _variants(config, check_point(config, layers=layers))
    if checks.enabled and grid and checks.controls_at != "claims":
        grid += _controls(config, _control_points(config, layers=layers))
    return grid


def _grid_points(config: Config, *, layers: list[str]) -> list[Point]:
    return [
        (intervention, layer, alpha)
        for intervention in config.experiment.interventions
        for layer in layers
        for alpha in config.experiment.alphas_of(intervention)
        if alpha != 0
    ]


def follows_claims(config: Config) -> bool:
    """Whether some checks run where the claims are made, which is known only when the study's completions are there."""
    steers = bool(_grid_points(config, layers=["0"])) or bool(config.experiment.open_alphas)
    claims = config.sanity_checks.controls_at == "claims" or _varies_recommended(config)
    return config.sanity_checks.enabled and steers and claims


def conditions_at_claims(config: Config, *, recommended: Point | None, others: Sequence[Point]) -> list[Condition]:
    """The checks that run where the claims are made, on harm_test alone.

    Prefixes and seed are varied at the recommended point, if there is one; random and shuffled directions run at the
    others too.
    """
    if not follows_claims(config):
        return []
    found: list[Condition] = []
    if recommended is not None and _varies_recommended(config):
        found += _variants(config, recommended)
    if config.sanity_checks.controls_at == "claims":
        points = list(dict.fromkeys([*([] if recommended is None else [recommended]), *others]))
        found += _controls(config, points)
    return [replace(condition, splits=("harm_test",)) for condition in found]


def _varies_recommended(config: Config) -> bool:
    return config.sanity_checks.layer is None and config.sanity_checks.alpha is None


def _variants(config: Config, point: Point) -> Iterator[Condition]:
    for direction in directions(config).values():
        if "_alt" in direction.name:
            yield Condition("alt_prefix", direction.name, *point, config.generation.seed)
    yield Condition("alt_seed", main_direction(config), *point, config.sanity_checks.alt_seed)


def _controls(config: Config, points: Sequence[Point]) -> Iterator[Condition]:
    for direction in directions(config).values():
        if is_control(config, direction.name):
            control: Role = "shuffled" if direction.method == "shuffled" else "random"
            yield from (Condition(control, direction.name, *point, config.generation.seed) for point in points)


def is_control(config: Config, direction: str) -> bool:
    """Whether a direction is one of the random or shuffled ones."""
    method = directions(config)[direction].method
    return method in ("random", "shuffled") and direction != main_direction(config)


def _control_points(config: Config, *, layers: list[str]) -> list[Point]:
    """Where the controls run: the point of the checks, its layer, or the whole grid."""
    point, where = check_point(config, layers=layers), config.sanity_checks.controls_at
    if where == "point":
        return [point]
    points = _grid_points(config, layers=layers)
    return points if where == "grid" else [other for other in points if other[1] == point[1]]


def check_point(config: Config, *, layers: list[str]) -> Point:
    """Intervention, layer and alpha at which the sanity checks run.

    The configured ones, else `add` (or the only intervention), the middle layer and the middle positive alpha.

    Raises:
        InputError: When the configured point is not in the grid, so that there is nothing to compare with.
    """
    checks, experiment = config.sanity_checks, config.experiment
    intervention: Intervention = "add" if "add" in experiment.interventions else experiment.interventions[0]
    strengths = [alpha for alpha in sorted(experiment.alphas_of(intervention)) if alpha != 0]
    positive = [alpha for alpha in strengths if alpha > 0] or strengths
    layer = _middle(layers) if checks.layer is None else str(checks.layer)
    alpha = positive[len(positive) // 2] if checks.alpha is None else checks.alpha
    if layer not in layers or alpha not in strengths:
        raise InputError(
            f"the checks are set to layer {layer}, alpha {alpha:g}, which is not in the grid",
            where="config keys sanity_checks.layer and sanity_checks.alpha",
            fix=f"choose a layer of {layers} and an alpha of {strengths}, or leave both out",
        )
    return intervention, layer, alpha


def _middle(layers: list[str]) -> str:
    """The middle one of the single blocks; where there is none, the first layer given."""
    blocks = sorted((layer for layer in layers if layer.isdecimal()), key=int)
    return blocks[len(blocks) // 2] if blocks else layers[0]


def seeds(config: Config, *, layers: list[str]) -> list[int]:
    """Seeds for which baseline completions are needed, the main one first."""
    found = {condition.seed for condition in conditions(config, layers=layers)} | {config.generation.seed}
    if follows_claims(config) and _varies_recommended(config):
        found.add(config.sanity_checks.alt_seed)
    return sorted(found, key=lambda seed: (seed != config.generation.seed, seed))


def read_claim_points(path: Path) -> list[ClaimPoint]:
    """Read a written table of claim points without pandas, since every job of Snakemake reads the plan.

    A file that is not there yet holds none.
    """
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row["purpose"], row["intervention"], row["layer"], float(row["alpha"])) for row in csv.DictReader(file)
        ]
