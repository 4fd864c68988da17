"""Every completion of a run, packed for the browser of the report page: once each, by number, compressed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.subset import spread_subset
from steering_reliability.report.scripts import packed
from steering_reliability.results.schema import SPLITS, as_records, in_order, layers_in_order
from steering_reliability.text.escaping import visible
from steering_reliability.text.layers import layer_words

MAX_CHARACTERS: Final = 24_000_000
"""Text that one page carries: 50,000 completions of 40 tokens are half of it, 4 MB when compressed."""

PAGE_COLUMNS: Final = [
    "role", "split", "id", "sample", "family", "style", "prompt", "completion", "direction", "intervention", "layer",
    "alpha", "relative_strength", "seed", "from_baseline", "finish_reason", "n_tokens", "refusal_score", "cluster",
    "refusal_label", "matched_phrases", "is_helpful", "is_degenerate", "builds_direction",
]  # fmt: skip

_POINT: Final = ["role", "direction", "intervention", "layer", "alpha", "seed"]
_PROMPT: Final = ["split", "id"]
_LABELS: Final = ("refusal", "compliance", "neither", "empty")
_HELPFUL, _DEGENERATE, _CUT = 1, 2, 4


@dataclass(frozen=True)
class PackedCompletions:
    """What the page's browser reads.

    Attributes:
        data: Base64 of a gzipped JSON object with `prompts`, `points`, `labels`, `layers`, `phrases` and `rows`, the
            latter by column. Numbers stand for places in the other lists; the unsteered completions belong to the
            points without an intervention.
        n_prompts: Prompts in it.
        n_prompts_left_out: Prompts of the run that are not in it.
    """

    data: str
    n_prompts: int
    n_prompts_left_out: int


def pack_completions(results: pd.DataFrame, *, max_characters: int = MAX_CHARACTERS) -> PackedCompletions:
    """Pack a run's completions, each once, the unsteered ones beside those that were made from the same prompt.

    Where they have more than `max_characters`, whole prompts are left out: those that stay spread over families and
    styles, by the rule that caps a split.
    """
    rows = _once(results)
    kept = _spread(rows, max_characters)
    prompts = [_prompt(row) for row in as_records(kept.drop_duplicates(_PROMPT))]
    phrases, columns = _columns(kept)
    content = {
        "labels": list(_LABELS),
        # In their order, each with its words.
        "layers": [[name, layer_words(name)] for name in layers_in_order(kept["layer"].replace("", None))],
        "prompts": prompts,
        "points": [_point(row) for row in as_records(kept.drop_duplicates(_POINT))],
        "phrases": phrases,
        "rows": columns,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return PackedCompletions(packed(text), len(prompts), len(rows[_PROMPT].drop_duplicates()) - len(prompts))


def _once(results: pd.DataFrame) -> pd.DataFrame:
    """Unsteered completions once per seed, under no intervention, before the steered ones."""
    rows = results[PAGE_COLUMNS].assign(order=results["split"].map(SPLITS.index))
    within = ["alpha", "seed", "order", "id", "sample"]
    rows = in_order(rows, ["intervention", "role", "direction", "layer", *within])
    from_baseline = rows["from_baseline"].astype(bool)
    nothing: dict[str, Any] = {"role": "main", "direction": "", "intervention": "none", "layer": ""}
    unsteered = rows[from_baseline].drop_duplicates(["seed", *_PROMPT, "sample"]).assign(**nothing)
    return pd.concat([in_order(unsteered, within), rows[~from_baseline]], ignore_index=True)


def _spread(rows: pd.DataFrame, max_characters: int) -> pd.DataFrame:
    total = int(rows["completion"].str.len().sum())
    if total <= max_characters:
        return rows
    chosen: set[tuple[str, str]] = set()
    for split, part in rows.drop_duplicates(_PROMPT).groupby("split"):
        prompts = [Prompt.from_row(row) for row in as_records(part)]
        limit = max(1, len(prompts) * max_characters // total)
        chosen |= {(str(split), prompt.id) for prompt in spread_subset(prompts, limit=limit)}
    keys = zip(rows["split"], rows["id"], strict=True)
    return rows[[key in chosen for key in keys]].reset_index(drop=True)


def _prompt(row: Mapping[str, Any]) -> list[str]:
    prompt = Prompt.from_row(row)
    return [visible(text) for text in (str(row["split"]), prompt.id, prompt.family, prompt.style, prompt.prompt)]


def _point(row: Mapping[str, Any]) -> list[Any]:
    strength = row["relative_strength"]
    shown = None if pd.isna(strength) else round(float(strength), 4)
    return [row["role"], row["direction"], row["intervention"], row["layer"], float(row["alpha"]),
            int(row["seed"]), shown]  # fmt: skip


def _columns(rows: pd.DataFrame) -> tuple[list[str], dict[str, list[Any]]]:
    """Return the phrases, and the rows by column with numbers for phrases, prompts, points and other rows."""
    keys = list(rows[["seed", *_PROMPT, "sample"]].itertuples(index=False, name=None))
    is_unsteered = rows["intervention"] == "none"
    unsteered = {key: number for number, key in enumerate(keys) if is_unsteered.iloc[number]}
    phrases: dict[str, int] = {}
    matched = [
        [phrases.setdefault(visible(str(phrase)), len(phrases)) for phrase in (found if found is not None else ())]
        for found in rows["matched_phrases"]
    ]
    flags = (
        _HELPFUL * rows["is_helpful"].astype(int)
        + _DEGENERATE * rows["is_degenerate"].astype(int)
        + _CUT * (rows["finish_reason"] == "length").astype(int)
    )
    return list(phrases), {
        "prompt": rows.groupby(_PROMPT, sort=False).ngroup().tolist(),
        "point": rows.groupby(_POINT, sort=False).ngroup().tolist(),
        "sample": rows["sample"].astype(int).tolist(),
        "unsteered": [unsteered.get(key, -1) for key in keys],
        "label": [_LABELS.index(label) for label in rows["refusal_label"]],
        "flags": flags.tolist(),
        "tokens": rows["n_tokens"].astype(int).tolist(),
        "score": rows["refusal_score"].round(2).tolist(),
        "phrases": matched,
        "text": [visible(str(text)) for text in rows["completion"]],
    }
