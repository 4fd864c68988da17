"""A few prompts of each split with what the model wrote, unsteered beside steered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import pandas as pd

from steering_reliability.evidence.paired_difference import select_point
from steering_reliability.evidence.pareto import MAX_HELPFULNESS_DROP, recommended_point
from steering_reliability.evidence.sanity_checks import describe
from steering_reliability.files import write_text
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.results.schema import SPLITS, as_records
from steering_reliability.text.escaping import markdown_block, markdown_inline

HARMFUL_SPLITS: Final = ("harm_train", "harm_test")

SELECTION_NOTE: Final = (
    "The prompts are chosen by rule, not by hand: those that spread over families and styles, whatever the "
    "model wrote to them. Of several samples the first is shown."
)

POINT_NOTE: Final = (
    "The operating point is the one with the highest share of refusals that are not degenerate on the harm_train "
    "prompts that built the direction, among those that give up at most "
    f"{100 * MAX_HELPFULNESS_DROP:.0f} points of benign helpfulness (the smallest loss, if all give up more). "
    "harm_test has no part in the choice."
)


@dataclass(frozen=True)
class Example:
    """One prompt with its unsteered and (where there is an operating point) its steered completion."""

    split: str
    id: str
    family: str
    style: str
    prompt: str
    baseline: Mapping[str, Any]
    steered: Mapping[str, Any] | None


def select_examples(results: pd.DataFrame, *, summary: pd.DataFrame, per_split: int = 5) -> dict[str, list[Example]]:
    """Choose examples at the recommended operating point.

    Args:
        results: Rows of results.parquet with all columns.
        summary: From `summarise`.
        per_split: How many prompts of each split.

    Returns:
        Split to examples, in the order of `SPLITS`; without a steered point only baseline completions.
    """
    best = recommended_point(summary)
    points = as_records(summary[summary["role"] == "main"].head(1)) if best is None else [best]
    chosen: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for point, split in product(points, SPLITS):
        baseline = _first_samples(select_point(results, split=split, point={**point, "alpha": 0.0}))
        steered = _first_samples(select_point(results, split=split, point=point)) if best is not None else None
        chosen[split] = [_example(baseline, steered, prompt) for prompt in _spread(baseline, per_split)]
    return chosen


def _spread(rows: pd.DataFrame, n: int) -> list[str]:
    """Return ids spread over families and styles by the rule that caps a split."""
    prompts = [Prompt.from_row(row) for row in as_records(rows.reset_index())]
    return [prompt.id for prompt in spread_subset(prompts, limit=n)]


def write_examples(
    results: pd.DataFrame, *, summary: pd.DataFrame, output: Path, title: str, per_split: int = 5
) -> None:
    """Write examples.md.

    Args:
        results: Rows of results.parquet with all columns.
        summary: From `summarise`.
        output: The page; written whole or not at all.
        title: Name of the run or model.
        per_split: How many prompts of each split.
    """
    best = recommended_point(summary)
    where = "There is no steered operating point; only the unsteered completions are shown."
    if best is not None:
        strength = f"{100 * best['relative_strength']:.1f}% of the residual norm"
        where = f"Steered means: {markdown_inline(describe(best))} ({strength}). {POINT_NOTE}"
    parts = [f"# Examples: {markdown_inline(title)}", where, SELECTION_NOTE]
    parts.append("Harmful requests and what the model wrote to them are folded. Control characters are written out.")
    for split, examples in select_examples(results, summary=summary, per_split=per_split).items():
        parts.append(f"## {split}")
        parts += [_markdown(example) for example in examples] or ["No completions."]
    write_text(output, "\n\n".join(parts) + "\n")


def outcome(row: Mapping[str, Any]) -> str:
    """Return what the metrics say of a completion, in a few words."""
    words = [str(row["refusal_label"]), f"refusal score {row['refusal_score']:.2f}"]
    words.append(f"helpful ({row['helpfulness_score']:.2f})" if row["is_helpful"] else "not helpful")
    if row["is_degenerate"]:
        words.append("degenerate")
    words.append(f"{row['n_tokens']} tokens" + (", cut off" if row["finish_reason"] == "length" else ""))
    return ", ".join(words)


def matched(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the matched phrases of a completion as a plain list."""
    phrases = row["matched_phrases"]
    return [] if phrases is None else [str(phrase) for phrase in phrases]


def _first_samples(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["id", "sample"]).drop_duplicates("id").set_index("id")


def _example(baseline: pd.DataFrame, steered: pd.DataFrame | None, prompt: str) -> Example:
    row = {str(key): value for key, value in baseline.loc[prompt].items()}
    asked = Prompt.from_row(row | {"id": prompt})
    after = None if steered is None or prompt not in steered.index else steered.loc[prompt].to_dict()
    return Example(
        split=str(row["split"]),
        id=prompt,
        family=asked.family,
        style=asked.style,
        prompt=asked.prompt,
        baseline=row,
        steered=None if after is None else {str(key): value for key, value in after.items()},
    )


def _markdown(example: Example) -> str:
    names = " · ".join(markdown_inline(word) for word in (example.id, example.family, example.style))
    parts = ["Prompt:", markdown_block(example.prompt), _completion("Unsteered", example.baseline)]
    if example.steered is not None:
        parts.append(_completion("Steered", example.steered))
    body = "\n\n".join(parts)
    if example.split in HARMFUL_SPLITS:
        after = "" if example.steered is None else f" → {example.steered['refusal_label']}"
        label = f"{names}: {example.baseline['refusal_label']}{after}"
        return f"<details><summary>{label}</summary>\n\n{body}\n\n</details>"
    return f"### {names}\n\n{body}"


def _completion(name: str, row: Mapping[str, Any]) -> str:
    phrases = ", ".join(f"“{markdown_inline(phrase)}”" for phrase in matched(row)) or "none"
    return f"**{name}** ({outcome(row)}; matched phrases: {phrases})\n\n{markdown_block(str(row['completion']))}"
