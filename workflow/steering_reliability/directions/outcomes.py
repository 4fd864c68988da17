"""What became of each baseline completion: refused, helpful or neither."""

import json
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.metrics.confounds import is_repetitive, measure_confounds
from steering_reliability.metrics.helpfulness import score_helpfulness
from steering_reliability.metrics.refusal import score_refusal


def read_outcomes(shard: str | Path) -> list[dict[str, Any]]:
    """Label the rows of the baseline shard of harm_train for `outcome_conditioned`.

    Returns:
        One dict per row with `id`, `prompt`, `completion` and `outcome`: `refusal`, `helpful` or `other`.

    Raises:
        InputError: When the shard is damaged.
    """
    path = Path(shard)
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [_labelled(row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        fix = f"delete {path} and run again"
        raise InputError("the baseline completions are damaged", where=str(path), fix=fix) from error


def _labelled(row: dict[str, Any]) -> dict[str, Any]:
    text = row["completion"]
    repetitive = is_repetitive(measure_confounds(text))
    refused = score_refusal(text).is_refusal
    helpful = score_helpfulness(text, n_tokens=row["n_tokens"], is_refusal=refused, is_degenerate=repetitive).is_helpful
    outcome = "refusal" if refused and not repetitive else "helpful" if helpful else "other"
    return {"id": row["id"], "prompt": row["prompt"], "completion": text, "outcome": outcome}
