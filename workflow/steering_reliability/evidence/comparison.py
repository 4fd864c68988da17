"""Several runs on one scale: how deep the layer lies, and how strong the push is beside the residual stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from steering_reliability.evidence.comparability import Setting
from steering_reliability.results.schema import SPLITS

_EFFECTS: Final = (
    *(f"refusal_effect_{split}" for split in SPLITS),
    "helpfulness_drop",
    "effect_gap_unseen",
    "effect_gap",
)

COMPARE_COLUMNS: Final = [
    "run", "model", "n_layers", "direction", "intervention", "layer", "depth", "alpha", "relative_strength",
    *(f"refusal_{split}" for split in SPLITS),
    *(f"{name}{part}" for name in _EFFECTS for part in ("", "_low", "_high")),
    *(f"refusal_{split}_n" for split in SPLITS),
    "max_new_tokens", "metric", "prompts",
]  # fmt: skip

THIRDS: Final = ("first third of the blocks", "middle third", "last third")


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        model: Name of its model.
        n_layers: Blocks of that model.
        summary: From `summarise`.
        setting: What it was asked.
    """

    model: str
    n_layers: int
    summary: pd.DataFrame
    setting: Setting


def compare_runs(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Put the operating points of several studies under each other.

    Args:
        runs: By name.

    Returns:
        Columns `COMPARE_COLUMNS`, one row per steered point of each run's study, by run, intervention, depth and
        strength. `depth` is the share of the blocks up to and including the steered one; `relative_strength` the
        length of the push as a share of the residual norm; `prompts` tells sets of prompts apart. Effects are steered
        minus unsteered on the same prompts.
    """
    parts = []
    for name, run in sorted(runs.items()):
        points = run.summary[(run.summary["role"] == "main") & ~run.summary["from_baseline"].astype(bool)]
        depth = (points["layer"] + 1) / run.n_layers
        known = points.assign(run=name, model=run.model, n_layers=run.n_layers, depth=depth)
        setting = run.setting
        known = known.assign(
            max_new_tokens=setting.max_new_tokens, metric=setting.metric, prompts=setting.prompts_digest
        )
        parts.append(known.reindex(columns=COMPARE_COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["run", "intervention", "depth", "relative_strength"], kind="stable", ignore_index=True)


def third_of(depth: "pd.Series[float]") -> "pd.Series[int]":
    """Which third of the blocks a depth lies in: 0, 1 or 2."""
    return (depth * 3 - 1e-9).astype(int).clip(0, 2)
