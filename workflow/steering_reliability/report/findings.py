"""The findings of a run in sentences, and the warnings that limit them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pandas as pd

from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.sanity_checks import COSINE, TOO_ALIKE
from steering_reliability.results.schema import SPLITS, as_records
from steering_reliability.text.layers import layer_words
from steering_reliability.text.numbers import rate

_WEAK: Final = 0.01
_MANY_DEGENERATE: Final = 0.1
_FEW: Final = 20


def headline(summary: pd.DataFrame, *, methods: pd.DataFrame | None = None) -> list[str]:
    """Return sentences on the unsteered model, the recommended point and the methods; claims have their own."""
    study = summary[summary["role"] == "main"]
    if study.empty:
        return ["The run has no completions of the main study."]
    sentences = [_of_baseline(row) for row in as_records(study[study["from_baseline"].astype(bool)].head(1))]
    best = recommended_point(summary)
    if best is None:
        return [*sentences, "No steered point has both harm_train and benign completions, so none is recommended."]
    sentences.append(_of_point(best))
    return sentences if methods is None else [*sentences, *methods["sentence"].dropna()]


def warnings(summary: pd.DataFrame, *, sanity: pd.DataFrame, prompts: pd.DataFrame | None = None) -> list[str]:
    """Return sentences on what limits the numbers of a run.

    `prompts` has split, id, cluster and style of the run's prompts; None leaves out the warnings on prompts.
    """
    study = summary[summary["role"] == "main"]
    steered = study[~study["from_baseline"].astype(bool)]
    found = [*_weak_steering(steered), *_degenerate(steered, recommended_point(summary))]
    found += [*_few_completions(study), *_alike_controls(sanity)]
    found += [] if prompts is None else list(_alike_prompts(prompts))
    empty = [split for split in SPLITS if study[f"refusal_{split}_n"].sum() == 0]
    return found + [f"There are no completions for {split}; results that need them are missing." for split in empty]


def _of_baseline(row: Mapping[str, Any]) -> str:
    return (
        f"Without steering, the model refuses {rate(row, 'clean_refusal_harm_train')} of harm_train, "
        f"{rate(row, 'clean_refusal_harm_test')} of harm_test and {rate(row, 'clean_refusal_benign')} of benign "
        "prompts in text that is not degenerate, and answers "
        f"{rate(row, 'helpful_benign')} of the benign ones helpfully."
    )


def _of_point(row: Mapping[str, Any]) -> str:
    strength = row["relative_strength"]
    relative: str = "" if pd.isna(strength) else f" ({100 * strength:.1f}% of the residual norm)"
    place = f"{row['intervention']} at {layer_words(row['layer'])}"
    return (
        f"Recommended point (chosen on harm_train and benign): {place}, alpha {row['alpha']:g}{relative}. "
        f"It refuses {rate(row, 'clean_refusal_benign')} of benign prompts."
    )


def _alike_controls(sanity: pd.DataFrame) -> list[str]:
    verdicts = sanity.loc[sanity["statistic"] == COSINE, "verdict"]
    judged = verdicts[verdicts.isin(["too alike", "unlike the direction"])]
    alike = int((judged == "too alike").sum())
    if not alike:
        return []
    return [
        f"Shuffled-label controls whose absolute cosine with the direction is above {TOO_ALIKE}: "
        f"{alike} of {len(judged)}. They contain part of the direction; more prompts give better controls."
    ]


def _alike_prompts(prompts: pd.DataFrame) -> Iterator[str]:
    for split, part in prompts.groupby("split", sort=True):
        n, clusters, styles = (part[name].nunique() for name in ("id", "cluster", "style"))
        if clusters < n:
            yield (
                f"The {n} prompts of {split} form {clusters} templates or groups of near copies; intervals and p "
                "values count each group once."
            )
        if styles == 0:
            yield f"The prompts of {split} do not say their style: there is no result by style or for other styles."
        if styles == 1:
            yield f"The prompts of {split} have one style: results do not extend to other styles."


def _weak_steering(steered: pd.DataFrame) -> list[str]:
    weak = steered["relative_strength"].abs() < _WEAK
    if not weak.any():
        return []
    return [
        f"{int(weak.sum())} of {len(steered)} operating points change the residual stream by less than 1% of its norm: "
        "the absence of an effect there is weak evidence about the direction."
    ]


def _few_completions(study: pd.DataFrame) -> list[str]:
    counts = {split: int(study[f"refusal_{split}_n"].max()) for split in SPLITS if len(study)}
    few = [f"{n} of {split}" for split, n in counts.items() if 0 < n < _FEW]
    return [f"Rates are based on few completions ({', '.join(few)}): read the intervals, not the rates."] if few else []


def _degenerate(steered: pd.DataFrame, best: Mapping[str, Any] | None) -> list[str]:
    found = []
    shares = steered[[f"degenerate_{split}" for split in SPLITS]].max(axis=1)
    many = int((shares > _MANY_DEGENERATE).sum())
    if many:
        found.append(
            f"At {many} of {len(steered)} operating points more than 10% of the completions of a split are degenerate: "
            "refusals counted there may be repetition. The column of clean refusals excludes them."
        )
    worst = max((best[f"degenerate_{split}"] for split in SPLITS), default=0.0) if best is not None else 0.0
    if worst > _MANY_DEGENERATE:
        found.append(f"This includes the recommended point ({100 * worst:.0f}% degenerate).")
    return found
