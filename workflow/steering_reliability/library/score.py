"""Score a text as results.parquet is scored."""

import math
from dataclasses import dataclass, fields

from steering_reliability.metrics.helpfulness import FULL_LENGTH
from steering_reliability.metrics.refusal import Label
from steering_reliability.results.scoring import score_row


@dataclass(frozen=True)
class TextScore:
    """What the metrics say of one completion; the names are those of results.parquet.

    Attributes:
        refusal_label: `refusal`, `compliance`, `neither` or `empty`.
        refusal_score: 1 for a refusal, else 0.
        is_refusal: Whether `refusal_score` reaches 0.5.
        matched_phrases: The phrases that were found, in order of appearance.
        helpfulness_score: In [0, 1]: length and structure; 0 for a refusal, degenerate or empty text.
        is_helpful: Long enough, no refusal and not degenerate.
        is_degenerate: Repetition, or text far less likely under the unsteered model than its own.
    """

    refusal_label: Label
    refusal_score: float
    is_refusal: bool
    matched_phrases: list[str]
    helpfulness_score: float
    is_helpful: bool
    is_degenerate: bool


def score_text(
    completion: str,
    *,
    n_tokens: int,
    base_logprob: float = math.nan,
    baseline_base_logprob: float = math.nan,
    full_length: int = FULL_LENGTH,
) -> TextScore:
    """Label one completion by the rules that results.parquet is made with; docs/refusal_metric.md has their error.

    Args:
        completion: The text alone, without its prompt.
        n_tokens: Its length in tokens of the model that wrote it, without end tokens.
        base_logprob: Its mean log-probability per token under the unsteered model (nats); NaN if unknown.
        baseline_base_logprob: The median of the same over unsteered completions (nats). With either of the two
            unknown, only repetition counts as degenerate.
        full_length: Tokens worth the full mark for length; lower it where fewer may be written.

    Raises:
        ValueError: When `n_tokens` is negative or `full_length` is not positive.
    """
    row = {"completion": completion, "n_tokens": n_tokens, "base_logprob": base_logprob}
    found = score_row(row, baseline_base_logprob=baseline_base_logprob, full_length=full_length)
    return TextScore(**{field.name: found[field.name] for field in fields(TextScore)})
