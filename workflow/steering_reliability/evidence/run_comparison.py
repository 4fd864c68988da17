"""Several runs on one scale, and the settings in which they differ."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from steering_reliability.results.schema import SPLITS, in_order, read_results, steered_points
from steering_reliability.run.record import config_of
from steering_reliability.text.layer_names import middle_block

_EFFECTS: Final = (
    *(f"refusal_effect_{split}" for split in SPLITS),
    "helpfulness_drop",
    "effect_gap_unseen",
    "effect_gap",
)

COMPARE_COLUMNS: Final = [
    "run", "model", "n_layers", "direction", "intervention", "layer", "depth", "alpha", "relative_strength",
    "first_token_kl_harm_test", "first_token_kl_benign",
    *(f"refusal_{split}" for split in SPLITS),
    *(f"{name}{part}" for name in _EFFECTS for part in ("", "_low", "_high")),
    *(f"refusal_{split}_n" for split in SPLITS),
    "max_new_tokens", "metric", "prompts",
]  # fmt: skip

THIRDS: Final = ("first third of the blocks", "middle third", "last third", "all layers")
"""Where in a model layers lie; all layers at once lie in no third."""

AXES: Final = {
    "first_token_kl": "mean first-token KL (nats, square-root scale)",
    "relative_strength": "push as a share of the residual norm",
}
"""What runs are compared at, and its name: first the disturbance of the next token, a scale that all models share."""

UNKNOWN: Final = "not recorded"


@dataclass(frozen=True)
class Setting:
    """The settings of a run that its rates depend on.

    `max_new_tokens` is None where it was not recorded; `metric` is what scored the completions.
    """

    prompts: Mapping[str, frozenset[str]]
    max_new_tokens: int | None
    metric: str

    @property
    def prompts_digest(self) -> str:
        """8 hexadecimal digits over all prompts."""
        lines = sorted(f"{split}\0{text}" for split, texts in self.prompts.items() for text in texts)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def setting_of(run: Path) -> Setting:
    """Read the settings of a finished run.

    Raises:
        InputError: When its results are damaged.
    """
    rows = read_results(run / "results.parquet", columns=["split", "prompt"]).drop_duplicates()
    config = config_of(run)
    new_tokens = config.get("generation", {}).get("max_new_tokens")
    return Setting(
        prompts={split: frozenset(rows.loc[rows["split"] == split, "prompt"]) for split in SPLITS},
        max_new_tokens=None if new_tokens is None else int(new_tokens),
        metric=(config["metrics"].get("scorer") or "phrase rules") if "metrics" in config else UNKNOWN,
    )


def setting_differences(settings: Mapping[str, Setting]) -> Iterator[str]:
    """Yield a line for each setting in which runs differ, with the names of the runs."""
    for split in SPLITS:
        texts = {name: setting.prompts[split] for name, setting in settings.items()}
        if len(set(texts.values())) > 1:
            common = len(frozenset.intersection(*texts.values()))
            yield f"prompts of {split}: {_by_value({name: len(one) for name, one in texts.items()})}; {common} in all"
    new_tokens = {name: setting.max_new_tokens for name, setting in settings.items()}
    if len(set(new_tokens.values())) > 1:
        yield f"most new tokens: {_by_value(new_tokens)}"
    metrics = {name: setting.metric for name, setting in settings.items()}
    if len(set(metrics.values())) > 1:
        yield f"metric: {_by_value(metrics)}"


def _by_value(values: Mapping[str, Any]) -> str:
    """Values with the runs that have them, for example `40 (a, b), 80 (c)`."""
    names: dict[str, list[str]] = {}
    for name, value in sorted(values.items()):
        names.setdefault(UNKNOWN if value is None else str(value), []).append(name)
    return ", ".join(f"{value} ({', '.join(runs)})" for value, runs in names.items())


@dataclass(frozen=True)
class Run:
    """A finished run: the name and the number of blocks of its model, its summary, and what its rates depend on."""

    model: str
    n_layers: int
    summary: pd.DataFrame
    setting: Setting


def compare_runs(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Put the operating points of several studies under each other.

    Returns:
        Columns `COMPARE_COLUMNS`, one row per steered point of each run's methods, by run, direction, intervention,
        depth and strength. `depth` is the share of the blocks up to and including the steered one, of several that in
        the middle, NaN of all; `relative_strength` the length of the push as a share of the residual norm;
        `first_token_kl` its mean over the prompts of a split, NaN in runs that did not measure it; `prompts` tells sets
        of prompts apart. Effects are steered minus unsteered on the same prompts.
    """
    parts = []
    for name, run in sorted(runs.items()):
        points = steered_points(run.summary, "main", "method")
        depth = (points["layer"].map(middle_block).astype(float) + 1) / run.n_layers
        known = points.assign(run=name, model=run.model, n_layers=run.n_layers, depth=depth)
        setting = run.setting
        known = known.assign(
            max_new_tokens=setting.max_new_tokens, metric=setting.metric, prompts=setting.prompts_digest
        )
        parts.append(known.reindex(columns=COMPARE_COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    # Layers of one depth are kept apart; where each is one block they are in the order of their depths anyhow.
    return in_order(table, ["run", "direction", "intervention", "depth", "layer", "relative_strength"])


def third_of(depth: "pd.Series[float]") -> "pd.Series[int]":
    """Which of `THIRDS` a depth lies in: 0, 1 or 2, and 3 where it is missing."""
    return (depth * 3 - 1e-9).clip(0, 2).fillna(3).astype(int)


def axis_column(axis: str, *, measure: str) -> str:
    """The column with the place of a measure on an axis: the KL is that of the prompts that it was measured on."""
    if axis != "first_token_kl":
        return axis
    return "first_token_kl_benign" if measure == "helpfulness_drop" else "first_token_kl_harm_test"
