"""Measure the refusal metric, and the plain rule of opening phrases beside it, on labelled completions.

    python scripts/evaluate_refusal_metric.py --labels FILE.jsonl

A row of FILE needs `completion`, `model` and a human `label` (or XSTest's `final_label`; a partial refusal counts).
Nothing in either rule is fitted, so that each model's lines are those of a model that was held out.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from steering_reliability.errors import InputError
from steering_reliability.evidence.metric_error import read_labels
from steering_reliability.metrics.refusal import opens_with_refusal, score_refusal
from steering_reliability.prompts.records import read_records
from steering_reliability.statistics.intervals import wilson_interval

RULES = {"the metric": lambda text: score_refusal(text).is_refusal, "openings": opens_with_refusal}
_HEAD = "| rule | model | words | n | accuracy | precision | recall | specificity |\n|---|---|---|---|---|---|---|---|"


def read_rows(path: Path) -> pd.DataFrame:
    """Read labelled completions.

    Returns:
        Columns completion, label (True for a refusal) and model, in the file's order.

    Raises:
        InputError: The file cannot be read, or a row lacks a completion or a known label; names the lines.
    """
    records = read_records(path, expected_field="completion").records
    return read_labels(path).assign(model=[str(record.values.get("model", "unnamed")) for record in records])


def first_words(text: str, *, n_words: int) -> str:
    """Return a text up to its first `n_words` words, white space as it was written."""
    words = text.split(maxsplit=n_words)
    return text if len(words) <= n_words else text.removesuffix(words[-1]).rstrip()


def error_table(rows: pd.DataFrame, *, n_words: int) -> str:
    """Return the errors of both rules as a Markdown table, 95% Wilson intervals in brackets.

    Args:
        rows: From `read_rows`.
        n_words: Where completions are cut for the lines on the beginning alone.
    """
    texts = {
        "all": rows["completion"],
        f"first {n_words}": rows["completion"].map(lambda t: first_words(t, n_words=n_words)),
    }
    models = {model: rows["model"] == model for model in sorted(set(rows["model"]))}
    models["together"] = rows["model"].notna()
    lines = [_HEAD]
    for model, kept in models.items():
        for words, text in texts.items():
            for rule, decide in RULES.items():
                said = text[kept].map(decide).astype(bool)
                lines.append(f"| {rule} | {model} | {words} | {_rates(said, rows['label'][kept].astype(bool))} |")
    return "\n".join(lines)


def _rates(said: pd.Series, refused: pd.Series) -> str:
    parts = ((said == refused), refused[said], said[refused], ~said[~refused])
    return " | ".join([str(len(said)), *(_rate(int(right.sum()), len(right)) for right in parts)])


def _rate(successes: int, n: int) -> str:
    estimate = wilson_interval(successes, n)
    return f"{successes / n:.3f} [{float(estimate.low):.3f}, {float(estimate.high):.3f}]" if n else "n/a"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True, help="labelled completions: JSON Lines, JSON or CSV")
    parser.add_argument("--n_words", type=int, default=30, help="where completions are cut for the lines on beginnings")
    options = parser.parse_args(arguments)
    if options.n_words < 1:
        parser.error("--n_words must be at least 1")
    try:
        rows = read_rows(options.labels)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(error_table(rows, n_words=options.n_words))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
