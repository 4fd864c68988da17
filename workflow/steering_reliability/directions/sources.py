"""Which texts a method compares."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steering_reliability.directions.activations import Text
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt

FEWEST = 8


def texts_to_compare(
    method: str,
    *,
    prompts: Mapping[str, Sequence[Prompt]],
    refusal_prefix: str,
    compliance_prefix: str,
    outcomes: Sequence[Mapping[str, Any]] = (),
    where: Path | str = "baseline completions",
) -> tuple[list[Text], list[Text], bool]:
    """The refusal side, the compliance side, and whether they are paired by prompt.

    Args:
        method: `contrastive_prefix`, `difference_in_means` or `outcome_conditioned`.
        prompts: Prompts by split.
        refusal_prefix: For contrastive_prefix.
        compliance_prefix: For contrastive_prefix.
        outcomes: Baseline rows of harm_train with `prompt`, `completion` and `outcome` (`refusal`, `helpful` or other).
        where: Named when there are too few outcomes.

    Raises:
        InputError: When outcome_conditioned has fewer than 8 texts of a kind.
    """
    harmful = prompts["harm_train"]
    if method == "contrastive_prefix":
        refusing = [Text(prompt.prompt, refusal_prefix) for prompt in harmful]
        return refusing, [Text(prompt.prompt, compliance_prefix) for prompt in harmful], True
    if method == "difference_in_means":
        return [Text(prompt.prompt) for prompt in harmful], [Text(prompt.prompt) for prompt in prompts["benign"]], False
    by_outcome: dict[str, list[Text]] = {"refusal": [], "helpful": []}
    for row in outcomes:
        if row["outcome"] in by_outcome:
            by_outcome[row["outcome"]].append(Text(row["prompt"], row["completion"]))
    refused, helped = by_outcome["refusal"], by_outcome["helpful"]
    if min(len(refused), len(helped)) < FEWEST:
        raise InputError(
            f"outcome_conditioned needs {FEWEST} refused and {FEWEST} helpful baseline completions, and of "
            f"{len(outcomes)} there are {len(refused)} refused and {len(helped)} helpful",
            where=str(where),
            fix="use method contrastive_prefix, more prompts or samples, or a model that refuses more often",
        )
    return refused, helped, False
