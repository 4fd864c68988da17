"""What a run shows, in sentences, and what it must not be taken to show."""

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from steering_reliability.analysis.pareto import recommended_point
from steering_reliability.analysis.schema import SPLITS, as_records

Row = Mapping[str, Any]
"""One operating point: column of the summary to value."""

QUESTIONS: Final = ("effect out of distribution", "failure of generalization", "trade-off")
"""The claims that answer what every study asks."""

_TOUCHES_ZERO: Final = 0.01
_WEAK: Final = 0.01
_MANY_DEGENERATE: Final = 0.1
_FEW: Final = 20
_FEW_CONTROLS: Final = 2
"""More of them are counted, so that the answer stays short."""


def headline(summary: pd.DataFrame, *, sanity: pd.DataFrame) -> list[str]:
    """Return the answer of a run: what the model does unsteered, at the best point, the gap and the control.

    Args:
        summary: From `summarise`.
        sanity: From `sanity_checks`, possibly empty.

    Returns:
        Sentences, each with its numbers and intervals.
    """
    study = summary[summary["role"] == "main"]
    if study.empty:
        return ["The run holds no completions of the study itself."]
    sentences = [_of_baseline(row) for row in as_records(study[study["from_baseline"].astype(bool)].head(1))]
    best = recommended_point(summary)
    if best is None:
        return [*sentences, "No steered point has both harm_test refusals and benign answers, so none is recommended."]
    sentences += [_of_point(best), _of_gap(best)]
    contrasts = sanity[sanity["statistic"].str.startswith("effect minus")]
    random, shuffled = (contrasts[contrasts["check"] == check] for check in ("random direction", "shuffled labels"))
    sentences += _of_controls(random, name="random directions")
    if random.empty:
        sentences.append("No random direction was run, so it is open whether any vector of this size would do as much.")
    return [*sentences, *_of_controls(shuffled, name="shuffled labels")]


def _of_controls(contrasts: pd.DataFrame, *, name: str) -> list[str]:
    """One sentence per control, or where they are many one that counts their verdicts."""
    if len(contrasts) <= _FEW_CONTROLS:
        return [f"Control ({row['condition']}): {row['sentence']}" for row in as_records(contrasts)]
    stronger = int(contrasts["verdict"].str.startswith("stronger").sum())
    as_strong = int(contrasts["verdict"].str.startswith("no stronger").sum())
    return [
        f"Controls: in {stronger} of {len(contrasts)} comparisons with {name} at the same place and strength the "
        f"study's direction moves refusal on harm_test more, in {as_strong} no more; the others cannot tell."
    ]


def warnings(summary: pd.DataFrame, *, n_samples: int = 1) -> list[str]:
    """Return what a reader must know before using the numbers.

    Args:
        summary: From `summarise`.
        n_samples: Completions per prompt.

    Returns:
        Sentences; none where nothing is amiss.
    """
    study = summary[summary["role"] == "main"]
    steered = study[~study["from_baseline"].astype(bool)]
    found = _weak_baseline(study) + _weak_steering(steered) + _degenerate(steered, recommended_point(summary))
    found += _few_completions(study)
    empty = [split for split in SPLITS if study[f"refusal_{split}_n"].sum() == 0]
    found += [f"There are no completions for {split}; what needs them is missing." for split in empty]
    if n_samples > 1:
        found.append(
            f"Each prompt has {n_samples} completions, counted as independent here: the intervals of clustered.csv are "
            "the ones to quote."
        )
    return found


def rate(row: Row, name: str) -> str:
    """Return a rate with its interval and n, in words."""
    n = int(row[f"{name}_n"])
    if n == 0:
        return "no data"
    low, high = round(100 * row[f"{name}_low"]), round(100 * row[f"{name}_high"])
    return f"{100 * row[name]:.0f}% (95% interval {low} to {high}, n = {n})"


def points(row: Row, name: str) -> str:
    """Return a difference with its interval, in percentage points."""
    if pd.isna(row[name]):
        return "no data"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{100 * row[name]:+.0f} points (95% interval {100 * low:+.0f} to {100 * high:+.0f})"


def _of_baseline(row: Row) -> str:
    return (
        f"Unsteered, the model refuses {rate(row, 'refusal_harm_train')} of harm_train, "
        f"{rate(row, 'refusal_harm_test')} of harm_test and {rate(row, 'refusal_benign')} of benign prompts, "
        f"and answers {rate(row, 'helpful_benign')} of the benign ones helpfully."
    )


def _of_point(row: Row) -> str:
    reaches_zero = row["refusal_effect_harm_test_low"] <= 0 <= row["refusal_effect_harm_test_high"]
    return (
        f"Recommended point: {row['intervention']} at layer {row['layer']}, alpha {row['alpha']:g} "
        f"({100 * row['relative_strength']:.1f}% of the residual norm). It refuses {rate(row, 'refusal_harm_test')} of "
        f"harm_test, a change of {points(row, 'refusal_effect_harm_test')}, and "
        f"{rate(row, 'refusal_benign')} of benign prompts, at a loss of {points(row, 'helpfulness_drop').lstrip('+')} "
        f"of benign helpfulness.{' The data show no effect on harm_test refusal there.' if reaches_zero else ''}"
    )


def _of_gap(row: Row) -> str:
    unseen = int(row["refusal_harm_train_unseen_n"]) > 0
    suffix = "_unseen" if unseen else ""
    low, high = row[f"effect_gap{suffix}_low"], row[f"effect_gap{suffix}_high"]
    if pd.isna(low):
        verdict = "Whether steering generalizes cannot be told: a split is missing."
    elif low > 0:
        verdict = "Steering does more in distribution than out of it."
    elif high < 0:
        verdict = "Steering does more out of distribution than in it."
    else:
        verdict = f"The data show no gap of effects, and cannot exclude one of {100 * max(high, -low):.0f} points."
    whose = "the harm_train prompts that did not build the direction" if unseen else "harm_train"
    beside = f" (on all of harm_train {points(row, 'effect_gap')})" if unseen else ""
    return (
        f"There, refusal on {whose} minus that on harm_test is {points(row, f'gap{suffix}')}; the gap of effects, with "
        f"what the unsteered model does subtracted, is {points(row, f'effect_gap{suffix}')}{beside}. {verdict}"
    )


def _weak_baseline(study: pd.DataFrame) -> list[str]:
    baseline = study[study["from_baseline"].astype(bool)].iloc[:1]
    splits = [
        split for split in ("harm_train", "harm_test") if (baseline[f"refusal_{split}_low"] <= _TOUCHES_ZERO).any()
    ]
    if not splits:
        return []
    return [
        f"The unsteered refusal rate on {' and '.join(splits)} is so low that its interval touches 0. "
        "A small gap, or refusals that ablation leaves as they were, are then no sign of robustness: none is claimed."
    ]


def _weak_steering(steered: pd.DataFrame) -> list[str]:
    weak = steered["relative_strength"].abs() < _WEAK
    if not weak.any():
        return []
    return [
        f"{int(weak.sum())} of {len(steered)} operating points change the residual stream by less than 1% of its norm: "
        "no effect there says little about the direction."
    ]


def _few_completions(study: pd.DataFrame) -> list[str]:
    counts = {split: int(study[f"refusal_{split}_n"].max()) for split in SPLITS if len(study)}
    few = [f"{n} of {split}" for split, n in counts.items() if 0 < n < _FEW]
    return (
        [f"Rates rest on few completions ({', '.join(few)}): look at the intervals, not at the rates."] if few else []
    )


def _degenerate(steered: pd.DataFrame, best: Row | None) -> list[str]:
    found = []
    shares = steered[[f"degenerate_{split}" for split in SPLITS]].max(axis=1)
    many = int((shares > _MANY_DEGENERATE).sum())
    if many:
        found.append(
            f"At {many} of {len(steered)} operating points more than 10% of the completions of some split are "
            "degenerate: refusals counted there may be repetition, see the clean refusals in the table."
        )
    worst = max((best[f"degenerate_{split}"] for split in SPLITS), default=0.0) if best is not None else 0.0
    if worst > _MANY_DEGENERATE:
        found.append(f"That holds for the recommended point too ({100 * worst:.0f}% degenerate).")
    return found
