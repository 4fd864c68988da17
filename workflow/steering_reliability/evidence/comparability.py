"""In what runs that stand side by side were not asked the same: prompts, number of new tokens, metric."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steering_reliability.results.schema import SPLITS, read_results
from steering_reliability.run.record import config_of

UNKNOWN: Final = "not recorded"


@dataclass(frozen=True)
class Setting:
    """What a run was asked, as far as it shows in rates.

    Attributes:
        prompts: Texts by split.
        max_new_tokens: Most tokens of a completion; None where it was not recorded.
        metric: What scored the completions.
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
    """Read what a finished run was asked.

    Args:
        run: Its folder.

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


def unlike(settings: Mapping[str, Setting]) -> Iterator[str]:
    """Say in what runs differ, a line each, with the names of the runs.

    Args:
        settings: By the runs' names.
    """
    for split in SPLITS:
        texts = {name: setting.prompts[split] for name, setting in settings.items()}
        if len(set(texts.values())) > 1:
            common = len(frozenset.intersection(*texts.values()))
            yield f"prompts of {split}: {_by_value({name: len(own) for name, own in texts.items()})}; {common} in all"
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
    return ", ".join(f"{value} ({', '.join(own)})" for value, own in names.items())
