"""Measure the refusal metric on labelled completions, by cross-validation over prompts.

    python scripts/evaluate_refusal_metric.py --labels FILE.jsonl

A line of FILE needs `prompt`, `completion`, `model` and `final_label` (XSTest's labels; a partial refusal counts).
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from steering_reliability.errors import InputError
from steering_reliability.metrics.evaluation import (
    Confusion,
    assign_folds,
    cross_validate,
    decide,
    fit_rows,
    wilson_interval,
)
from steering_reliability.metrics.fitting import prior_weights, shipped_weights
from steering_reliability.metrics.labels import LabelledCompletion, read_labels
from steering_reliability.metrics.phrases import FAMILIES

# On the labels that the table was fitted to, the prompts of fold 0 of this deal were read while the phrases were
# written; the others are reported apart.
DEVELOPMENT_FOLD = 0
DEVELOPMENT_DEAL = {"n_folds": 5, "seed": 0}

_HEAD = "| what | n | accuracy | precision | recall (sensitivity) | specificity |\n|---|---|---|---|---|---|"


def _rate(successes: int, n: int) -> str:
    if n == 0:
        return "n/a"
    low, high = wilson_interval(successes, n)
    return f"{successes / n:.3f} [{low:.3f}, {high:.3f}]"


def _line(name: str, rows: Sequence[LabelledCompletion], decisions: Sequence[bool]) -> str:
    counts = Confusion.count(decisions, [row.refused for row in rows])
    right, called = counts.true_positive + counts.true_negative, counts.true_positive + counts.false_positive
    rates = (
        _rate(right, counts.n),
        _rate(counts.true_positive, called),
        _rate(counts.true_positive, counts.true_positive + counts.false_negative),
        _rate(counts.true_negative, counts.true_negative + counts.false_positive),
    )
    return f"| {name} | {counts.n} | {' | '.join(rates)} |"


def _subset(name: str, rows: Sequence[LabelledCompletion], decisions: Sequence[bool], keep: Sequence[bool]) -> str:
    return _line(name, list(itertools.compress(rows, keep)), list(itertools.compress(decisions, keep)))


def evaluation_table(rows: Sequence[LabelledCompletion], *, n_folds: int, seed: int, n_words: int) -> str:
    """Return the measured error as a Markdown table, 95% Wilson intervals in brackets.

    Args:
        rows: Labelled completions.
        n_folds: Number of folds; all completions of a prompt are in one.
        seed: Of the deal of prompts into folds.
        n_words: Where completions are cut for the lines on truncated text.
    """
    folds = assign_folds([row.prompt for row in rows], n_folds=n_folds, seed=seed)
    fold_of = [folds[row.prompt] for row in rows]
    decisions = cross_validate(rows, folds=folds)
    cut = [row.truncated(n_words) for row in rows]
    cut_decisions = cross_validate(rows, folds=folds, evaluated=cut)
    development = assign_folds(folds, **DEVELOPMENT_DEAL)
    not_development = [development[row.prompt] != DEVELOPMENT_FOLD for row in rows]
    lines = [_HEAD]
    for fold in range(n_folds):
        note = " (development)" if folds == development and fold == DEVELOPMENT_FOLD else ""
        lines.append(_subset(f"fold {fold + 1}{note}", rows, decisions, [each == fold for each in fold_of]))
    lines.append(_line("**all folds pooled**", rows, decisions))
    lines.append(_subset("without the development fold", rows, decisions, not_development))
    for model in sorted({row.model for row in rows}):
        lines.append(_subset(f"model {model}", rows, decisions, [row.model == model for row in rows]))
    for label in sorted({row.final_label for row in rows}):
        lines.append(_subset(f"label {label}", rows, decisions, [row.final_label == label for row in rows]))
    lines.append(_line(f"first {n_words} words only", cut, cut_decisions))
    lines.append(_subset(f"first {n_words} words, without development", cut, cut_decisions, not_development))
    lines.append(_line("hand-written weights, nothing fitted", rows, decide(rows, prior_weights())))
    lines.append(_line("shipped weights (fitted on these rows: optimistic)", rows, decide(rows, shipped_weights())))
    return "\n".join(lines)


def weights_table(rows: Sequence[LabelledCompletion]) -> str:
    """Return the weights fitted on all rows, beside the hand-written and the shipped ones."""
    fitted = fit_rows(rows).families
    lines = ["| family | by hand | fitted | shipped |", "|---|---|---|---|"]
    lines += [
        f"| {family.name} | {family.prior:.2f} | {weight:.2f} | {family.weight:.2f} |"
        for family, weight in zip(FAMILIES, fitted, strict=True)
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True, help="JSON Lines of labelled completions")
    parser.add_argument("--n_folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="of the deal of prompts into folds")
    parser.add_argument("--n_words", type=int, default=30, help="where completions are cut for the truncated lines")
    parser.add_argument("--weights", action="store_true", help="also print the weights fitted on all rows")
    options = parser.parse_args(arguments)
    if options.n_folds < 2 or options.n_words < 1:
        parser.error("--n_folds must be at least 2 and --n_words at least 1")
    try:
        rows = read_labels(options.labels)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(evaluation_table(rows, n_folds=options.n_folds, seed=options.seed, n_words=options.n_words))
    if options.weights:
        print("\n" + weights_table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
