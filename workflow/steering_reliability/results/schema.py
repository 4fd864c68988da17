"""The columns of results.parquet: the one contract between the completions and everything that reads them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.text.layer_names import layer_order

__all__ = [
    "COLUMN_DESCRIPTIONS", "GRID_ROLES", "GROUP_KEYS", "POINT_KEYS", "RESULTS_SCHEMA", "ROLES", "ROW_KEYS", "SPLITS",
    "TableRow", "as_records", "at_point", "in_order", "layers_in_order", "read_results", "sort_points",
    "steered_points",
]  # fmt: skip

TableRow = Mapping[str, Any]
"""A row of a table, or an operating point: column name to value."""

ROLES: Final = ("main", "method", "alt_prefix", "alt_seed", "random", "shuffled")
"""What a condition is run for: the study itself, another method of it, or one of its sanity checks."""

GRID_ROLES: Final = ("main", "method")
"""The roles that run the whole grid on every prompt."""

GROUP_KEYS: Final = ["role", "direction", "intervention", "layer", "seed"]
"""What the points of one dose-response curve share."""

POINT_KEYS: Final = [*GROUP_KEYS, "alpha"]
"""What identifies one operating point."""

ROW_KEYS: Final = ["split", "id", "sample"]
"""What identifies one completion within an operating point."""

_COLUMNS: Final[list[tuple[str, pa.DataType, str]]] = [
    (
        "role",
        pa.string(),
        "What the condition is run for: main, method (another method), alt_prefix, alt_seed, random or shuffled.",
    ),
    ("split", pa.string(), "Prompt set: harm_train (in distribution), harm_test (out of distribution) or benign."),
    ("id", pa.string(), "Prompt id, unique within its split."),
    ("sample", pa.int32(), "Number of the completion of this prompt, from 0."),
    ("family", pa.string(), "Topic of the prompt (meta.family); null where the prompt file has none."),
    (
        "cluster",
        pa.string(),
        "Id of the first prompt of its template or of its near copies; intervals count them as one.",
    ),
    ("builds_direction", pa.bool_(), "True where the prompt is one of those that the direction was made of."),
    ("style", pa.string(), "Wording of the prompt (meta.style); null where the prompt file has none."),
    ("prompt", pa.string(), "The user's text, before any chat template."),
    ("completion", pa.string(), "What the model wrote, without special tokens."),
    ("direction", pa.string(), "Name of the steering direction; baseline rows are repeated under each."),
    ("intervention", pa.string(), "add, add_keep_norm, clamp, ablate or ablate_affine."),
    (
        "layer",
        pa.string(),
        "Steered blocks, counted from 0: 14, 10-18, 10+14+18 or all; with -from-14 all use the direction of block 14.",
    ),
    ("alpha", pa.float64(), "Strength as written in the config; 0 is the baseline."),
    (
        "coefficient",
        pa.float64(),
        "add, add_keep_norm and clamp: multiple of the unit vector, at the first of several blocks; ablate and "
        "ablate_affine: fraction removed.",
    ),
    (
        "relative_strength",
        pa.float64(),
        "Size of the change over the mean residual norm (outlier dimensions left out) at the block whose direction is "
        "used, signed as alpha; of several such blocks the mean.",
    ),
    ("seed", pa.int64(), "Seed of the sampling."),
    ("from_baseline", pa.bool_(), "True where the row is the unsteered completion, repeated under this condition."),
    ("finish_reason", pa.string(), "eos: the model ended its turn, or a stop string did; length: it was cut."),
    ("n_tokens", pa.int32(), "Tokens written."),
    ("mean_logprob", pa.float64(), "Mean log-probability of the tokens under the steered model (nats)."),
    ("mean_entropy", pa.float64(), "Mean entropy of the steered next-token distribution (nats)."),
    ("first_token_kl", pa.float64(), "KL(steered || unsteered) of the first token written (nats)."),
    ("base_logprob", pa.float64(), "Mean log-probability of the tokens under the unsteered model (nats)."),
    (
        "refusal_propensity",
        pa.float64(),
        "log p(refusal opening) - log p(compliance opening) after the prompt, under this condition (nats).",
    ),
    (
        "refusal_score",
        pa.float64(),
        "1 for a refusal by the phrase rules, else 0; or the score of your own scorer, in [0, 1].",
    ),
    ("is_refusal", pa.bool_(), "refusal_score >= 0.5."),
    ("opens_with_refusal", pa.bool_(), "The second rule of refusal: whether the text opens with a phrase of refusal."),
    ("refusal_label", pa.string(), "refusal, compliance, neither or empty."),
    ("matched_phrases", pa.list_(pa.string()), "The phrases that the rules found, in order of appearance."),
    ("helpfulness_score", pa.float64(), "Proxy of helpfulness in [0, 1]: length and structure, no refusal marker."),
    ("is_helpful", pa.bool_(), "Long enough, no refusal and not degenerate."),
    ("is_helpful_by_opening", pa.bool_(), "is_helpful with the second rule of refusal in place of is_refusal."),
    ("has_steps", pa.bool_(), "Holds numbered steps."),
    ("has_bullets", pa.bool_(), "Holds bullet points."),
    ("has_code", pa.bool_(), "Holds code."),
    ("n_words", pa.int32(), "Words in the completion."),
    ("distinct_1", pa.float64(), "Distinct words over words; null for an empty completion."),
    ("distinct_2", pa.float64(), "Distinct word pairs over word pairs; null where there are none."),
    ("distinct_3", pa.float64(), "Distinct word triples over word triples; null where there are none."),
    ("longest_repeat", pa.float64(), "Share of the words in the longest stretch that repeats one unit of words."),
    ("longest_character_repeat", pa.float64(), "The same for units of a few characters, of all characters."),
    ("is_repetitive", pa.bool_(), "Says or writes the same thing over and over, by the text alone."),
    ("is_degenerate", pa.bool_(), "Repetition, or text far less likely under the unsteered model than its own."),
]

_NULLABLE: Final = {
    "family", "style", "relative_strength", "mean_logprob", "mean_entropy", "first_token_kl", "base_logprob",
    "refusal_propensity", "distinct_1", "distinct_2", "distinct_3", "longest_repeat", "longest_character_repeat",
}  # fmt: skip

RESULTS_SCHEMA: Final = pa.schema(
    [pa.field(name, kind, nullable=name in _NULLABLE, metadata={"description": text}) for name, kind, text in _COLUMNS]
)
"""Arrow schema of results.parquet; each field carries its description as metadata."""

COLUMN_DESCRIPTIONS: Final[dict[str, str]] = {name: text for name, _, text in _COLUMNS}


def read_results(path: Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read results.parquet, or only some of its columns.

    Files of earlier versions, whose layers are numbers, are read as those of today.

    Returns:
        One row per (prompt, sample, split, direction, intervention, layer, alpha, seed); missing numbers are NaN.

    Raises:
        InputError: The file is missing, damaged or lacks a column.
    """
    fix = f"delete {path} and run again"
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except FileNotFoundError as error:
        raise InputError("there are no results", where=str(path), fix="run the workflow's target 'results'") from error
    except (pa.ArrowException, OSError) as error:
        raise InputError("the results cannot be read", where=str(path), fix=fix) from error
    missing = set(COLUMN_DESCRIPTIONS if columns is None else columns) - set(table.column_names)
    if missing:
        raise InputError(f"the results lack {', '.join(sorted(missing))}", where=str(path), fix=fix)
    results = pd.DataFrame(table.to_pandas())
    if "layer" in results and pd.api.types.is_numeric_dtype(results["layer"]):
        results["layer"] = results["layer"].astype("int64").astype(str)
    return results


def at_point(
    table: pd.DataFrame, point: "TableRow | pd.Series[Any]", *, keys: Sequence[str] = POINT_KEYS
) -> pd.DataFrame:
    """Return the rows of an operating point, or of all points that share some of its keys."""
    for key in keys:
        table = table[table[key] == point[key]]
    return table


def steered_points(table: pd.DataFrame, *roles: str) -> pd.DataFrame:
    """Return the steered rows of the study itself, or of other roles."""
    return table[table["role"].isin(roles or ("main",)) & ~table["from_baseline"].astype(bool)]


def sort_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort operating points by role (study first), direction, intervention, layer, alpha and seed."""
    return in_order(frame, ["role", "direction", "intervention", "layer", "alpha", "seed"])


def in_order(frame: pd.DataFrame, keys: Sequence[str], *, ascending: bool | list[bool] = True) -> pd.DataFrame:
    """Sort rows by columns, roles and layers by their own order (the study first, layer 2 before layer 10).

    Rows that are equal keep their order; a missing layer comes last.
    """
    layers = layers_in_order(frame["layer"].unique()) if "layer" in keys else []
    ranks = {"role": _ranks(ROLES), "layer": _ranks(layers)}
    return frame.sort_values(
        list(keys),
        key=lambda column: column.map(ranks[str(column.name)]) if column.name in ranks else column,
        ascending=ascending,
        kind="stable",
        ignore_index=True,
    )


def layers_in_order(layers: Iterable[Any]) -> list[str]:
    """Return the distinct names of layers in their order, without missing ones."""
    return sorted({name for name in layers if isinstance(name, str)}, key=layer_order)


def _ranks(names: Sequence[str]) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(names)}


def as_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as plain mappings, column name to value."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
