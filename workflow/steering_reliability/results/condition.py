"""One steered condition with its completions, and what a job of the workflow reads of a run."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.directions.coefficient import coefficient_of
from steering_reliability.errors import InputError
from steering_reliability.metrics.scorer import load_scorer
from steering_reliability.results.schema import ROLES, SPLITS


@dataclass(frozen=True)
class ScoredCondition:
    """One steered condition and the shards that hold its completions.

    `alpha` is as in the config, not 0: that is the baseline, which has no shard of its own. `coefficient` is for add
    the multiple of the unit vector, for ablate the fraction removed. `shards` maps splits to files; the study itself
    has all splits, a check may have fewer. `statistics` is the layer's JSON beside the direction.
    """

    role: str
    direction: str
    intervention: str
    layer: int
    alpha: float
    seed: int
    coefficient: float
    shards: Mapping[str, Path | str]
    statistics: Path | str

    def __post_init__(self) -> None:
        if self.alpha == 0:
            raise ValueError("alpha 0 is the baseline; it has no shard")

    @property
    def curve(self) -> tuple[int, str, str, int, int]:
        """What this condition shares with the other strengths of its curve, in sort order."""
        return (ROLES.index(self.role), self.direction, self.intervention, self.layer, self.seed)


def read_statistics(path: Path) -> dict[str, float]:
    """Read directions/{direction}/layer_{layer}.json, name to value.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        fix = f"delete {path} and run again"
        raise InputError("the statistics of the direction cannot be read", where=str(path), fix=fix) from error


def relative_strength(condition: ScoredCondition, *, statistics: Mapping[str, float]) -> float:
    """Return the size of the change that a condition makes, over the mean residual norm at its layer.

    `statistics` are the layer's: resid_norm (residual norm) and, for ablate, mean_abs_projection.

    Returns:
        add: |coefficient| / resid_norm, signed as alpha. ablate: alpha * mean_abs_projection / resid_norm.
        NaN where a statistic is missing.
    """
    norm = statistics.get("resid_norm") or math.nan
    if condition.intervention == "ablate":
        return condition.alpha * statistics.get("mean_abs_projection", math.nan) / norm
    return math.copysign(abs(condition.coefficient), condition.alpha) / norm


def with_coefficient(condition: Mapping[str, Any], *, alpha_unit: str) -> dict[str, Any]:
    """Complete a planned condition with what its alpha comes to at its layer.

    The condition has the other fields of `ScoredCondition`; `alpha_unit` is that of `coefficient_of`.

    Returns:
        The condition with `coefficient`: for add the multiple of the unit vector, for ablate the fraction removed.
    """
    statistics = read_statistics(Path(condition["statistics"]))
    alpha, intervention = condition["alpha"], condition["intervention"]
    coefficient = coefficient_of(statistics, alpha=alpha, intervention=intervention, unit=alpha_unit)
    return {**condition, "coefficient": coefficient}


def aggregation_inputs(params: Any, files: Any, *, output: str) -> dict[str, Any]:
    """Return the arguments of `aggregate` from the params and input of a job.

    Args:
        params: place (the output's path as the rule names it), conditions, baseline, built_from, alpha_unit,
            max_new_tokens, cluster_field and scorer.
        files: The job's input, with the prompts by split.
        output: The output's path in this job; without a shared disk all paths of the params lie below the same folder.
    """
    folder = output.removesuffix(params.place)

    def local(shards: Mapping[str, str]) -> dict[str, str]:
        return {split: f"{folder}{path}" for split, path in shards.items()}

    conditions = [
        {**planned, "shards": local(planned["shards"]), "statistics": f"{folder}{planned['statistics']}"}
        for planned in params.conditions
    ]
    return {
        "conditions": [with_coefficient(condition, alpha_unit=params.alpha_unit) for condition in conditions],
        "baseline": {seed: local(shards) for seed, shards in params.baseline.items()},
        "prompts": {split: files[split] for split in SPLITS},
        "max_new_tokens": params.max_new_tokens,
        "built_from": params.built_from,
        "cluster_field": params.cluster_field,
        "scorer": load_scorer(params.scorer) if params.scorer else None,
    }
