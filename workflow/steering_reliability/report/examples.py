"""A few prompts of each split with their completions, unsteered beside steered."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

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
    "A fixed rule selects the prompts: it spreads them over families and styles and does not look at the completions. "
    "If a prompt has several samples, the first is shown."
)

POINT_NOTE: Final = (
    "The operating point has the highest share of refusals that are not degenerate on the harm_train prompts that "
    f"built the direction, among the points that lose at most {100 * MAX_HELPFULNESS_DROP:.0f} points of benign "
    "helpfulness. If all points lose more, it is the one with the smallest loss. harm_test is not used for the choice."
)


class Example(NamedTuple):
    """One prompt with its unsteered and (where there is an operating point) its steered completion."""

    prompt: Prompt
    baseline: Mapping[str, Any]
    steered: Mapping[str, Any] | None


def select_examples(results: pd.DataFrame, *, summary: pd.DataFrame, per_split: int = 5) -> dict[str, list[Example]]:
    """Choose examples at the recommended operating point, by the rule that caps a split.

    Returns:
        Split to examples, in the order of `SPLITS`; without a steered point only baseline completions.
    """
    best = recommended_point(summary)
    points = as_records(summary[summary["role"] == "main"].head(1)) if best is None else [best]
    chosen: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for point in points:
        for split in SPLITS:
            baseline = _first_samples(results, split, {**point, "alpha": 0.0})
            steered = {} if best is None else _first_samples(results, split, point)
            prompts = spread_subset([Prompt.from_row(row) for row in baseline.values()], limit=per_split)
            chosen[split] = [Example(one, baseline[one.id], steered.get(one.id)) for one in prompts]
    return chosen


def write_examples(
    results: pd.DataFrame, *, summary: pd.DataFrame, output: Path, title: str, per_split: int = 5
) -> None:
    """Write examples.md.

    The results have all columns; the page is written whole or not at all.
    """
    best = recommended_point(summary)
    where = "There is no steered operating point; only the unsteered completions are shown."
    if best is not None:
        strength = f"{100 * best['relative_strength']:.1f}% of the residual norm"
        where = f"Steered means: {markdown_inline(describe(best))} ({strength}). {POINT_NOTE}"
    parts = [f"# Examples: {markdown_inline(title)}", where, SELECTION_NOTE]
    parts.append("Harmful requests and their completions are folded. Control characters are escaped.")
    for split, examples in select_examples(results, summary=summary, per_split=per_split).items():
        parts.append(f"## {split}")
        parts += [_markdown(example, folded=split in HARMFUL_SPLITS) for example in examples] or ["No completions."]
    write_text(output, "\n\n".join(parts) + "\n")


def outcome(row: Mapping[str, Any]) -> str:
    """Return the metrics of a completion in words."""
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


def _first_samples(results: pd.DataFrame, split: str, point: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    rows = select_point(results, split=split, point=point).sort_values(["id", "sample"]).drop_duplicates("id")
    return {str(row["id"]): row for row in as_records(rows)}


def _markdown(example: Example, *, folded: bool) -> str:
    prompt, baseline, steered = example
    names = " · ".join(markdown_inline(word) for word in (prompt.id, prompt.family, prompt.style))
    parts = ["Prompt:", markdown_block(prompt.prompt), _completion("Unsteered", baseline)]
    parts += [] if steered is None else [_completion("Steered", steered)]
    body = "\n\n".join(parts)
    if not folded:
        return f"### {names}\n\n{body}"
    change = " → ".join(str(row["refusal_label"]) for row in (baseline, steered) if row is not None)
    return f"<details><summary>{names}: {change}</summary>\n\n{body}\n\n</details>"


def _completion(name: str, row: Mapping[str, Any]) -> str:
    phrases = ", ".join(f"“{markdown_inline(phrase)}”" for phrase in matched(row)) or "none"
    return f"**{name}** ({outcome(row)}; matched phrases: {phrases})\n\n{markdown_block(str(row['completion']))}"
