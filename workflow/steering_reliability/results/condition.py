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
from steering_reliability.text.layer_names import layer_order


@dataclass(frozen=True)
class ScoredCondition:
    """One steered condition and the shards that hold its completions.

    `alpha` is as in the config, not 0: that is the baseline, which has no shard of its own; `layer` is a name, such as
    14 or 10-18. `coefficient` is the multiple of the unit vector at the first block, or the fraction removed.
    `relative_strength` is the size of the change over the mean residual norm. `shards` maps splits to files; the study
    itself has all splits, a check may have fewer.
    """

    role: str
    direction: str
    intervention: str
    layer: str
    alpha: float
    seed: int
    coefficient: float
    relative_strength: float
    shards: Mapping[str, Path | str]

    def __post_init__(self) -> None:
        if self.alpha == 0:
            raise ValueError("alpha 0 is the baseline; it has no shard")

    @property
    def curve(self) -> tuple[Any, ...]:
        """What this condition shares with the other strengths of its curve, in sort order."""
        return (ROLES.index(self.role), self.direction, self.intervention, layer_order(self.layer), self.seed)


def read_statistics(path: Path) -> dict[str, float]:
    """Read directions/{direction}/layer_{block}.json, name to value.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        fix = f"delete {path} and run again"
        raise InputError("the statistics of the direction cannot be read", where=str(path), fix=fix) from error


def relative_strength(statistics: Mapping[str, float], *, intervention: str, alpha: float, coefficient: float) -> float:
    """Return the size of the change that an intervention makes at one block, over the mean residual norm there.

    `statistics` are the direction's at the block, in units of the residual stream. `coefficient` is its length along
    the unit vector (c below); `alpha` gives the sign, and the share that an ablation removes (a). r is the mean
    residual norm, p and q are the mean projections of the refusing and the complying side.

    Returns:
        add: c / r. add_keep_norm: the same turned back to the norm, for a direction at right angles to the residual
        stream. clamp: |c - (p + q) / 2| / r. ablate: a * mean absolute projection / r. ablate_affine, which moves every
        projection towards q: a * |p - q| / 2r. NaN where a statistic is missing.
    """
    norm = statistics.get("resid_norm") or math.nan
    p, q = (statistics.get(f"mean_projection_{side}", math.nan) for side in ("refusing", "complying"))
    if intervention == "ablate":
        return alpha * statistics.get("mean_abs_projection", math.nan) / norm
    if intervention == "ablate_affine":
        return alpha * abs(p - q) / 2 / norm
    change = abs(coefficient)
    if intervention == "clamp":
        change = abs(coefficient - (p + q) / 2)
    elif intervention == "add_keep_norm":
        whole = statistics.get("resid_norm_full") or norm
        change = whole * math.sqrt(2 - 2 / math.hypot(1, coefficient / whole))
    return math.copysign(change, alpha) / norm


def with_strength(condition: Mapping[str, Any], *, alpha_unit: str) -> dict[str, Any]:
    """Complete a planned condition with what its alpha comes to at its layers.

    The condition has `statistics`, the JSON of each block whose direction it uses, in place of what is missing to a
    `ScoredCondition`; `alpha_unit` is that of `coefficient_of`.

    Returns:
        The fields of a `ScoredCondition`: the coefficient of the first block, and the mean relative strength of all.
    """
    planned = dict(condition)
    files = planned.pop("statistics")
    point = {"alpha": planned["alpha"], "intervention": planned["intervention"]}
    of_blocks = [read_statistics(Path(file)) for file in files]
    coefficients = [coefficient_of(statistics, **point, unit=alpha_unit) for statistics in of_blocks]
    strengths = [
        relative_strength(statistics, **point, coefficient=coefficient)
        for statistics, coefficient in zip(of_blocks, coefficients, strict=True)
    ]
    return {**planned, "coefficient": coefficients[0], "relative_strength": sum(strengths) / len(strengths)}


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
        {
            **planned,
            "shards": local(planned["shards"]),
            "statistics": [f"{folder}{file}" for file in planned["statistics"]],
        }
        for planned in params.conditions
    ]
    return {
        "conditions": [with_strength(condition, alpha_unit=params.alpha_unit) for condition in conditions],
        "baseline": {seed: local(shards) for seed, shards in params.baseline.items()},
        "prompts": {split: files[split] for split in SPLITS},
        "max_new_tokens": params.max_new_tokens,
        "built_from": params.built_from,
        "cluster_field": params.cluster_field,
        "scorer": load_scorer(params.scorer) if params.scorer else None,
    }
