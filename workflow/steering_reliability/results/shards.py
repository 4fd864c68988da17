"""Read one shard of completions and refuse it if anything in it is not what its path promises."""

import json
import math
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt

Row = dict[str, Any]
Key = tuple[str, int]
"""(prompt id, sample): one completion within a shard."""

_TEXTS: Final = ("id", "split", "prompt", "completion", "finish_reason")
_COUNTS: Final = ("sample", "n_tokens", "seed")
_NUMBERS: Final = ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob", "refusal_propensity")
_CONDITION: Final = ("split", "direction", "intervention", "layer", "alpha", "seed")
_REQUIRED: Final = tuple(dict.fromkeys((*_TEXTS, *_COUNTS, *_NUMBERS, *_CONDITION)))


def read_shard(path: Path, *, condition: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> dict[Key, Row]:
    """Read and check the completions of one condition on one split.

    Args:
        path: The shard, JSON Lines.
        condition: What every row must say of itself: split, direction, intervention, layer, alpha and seed.
        prompts: The prompts of the split, by id.

    Returns:
        (id, sample) to row, sorted by key. Missing numbers are NaN.

    Raises:
        InputError: A line is damaged, incomplete, of another condition or of an unknown prompt.
    """
    rows: dict[Key, Row] = {}
    fix = f"delete {path} and run again; only this shard is made anew"
    for number, line in enumerate(_lines(path, fix), start=1):
        row, problem = _parse(line)
        problem = problem or _mismatch(row, condition) or _unknown_prompt(row, prompts)
        key = (row.get("id", ""), row.get("sample", 0))
        if not problem and key in rows:
            problem = f"prompt {key[0]}, sample {key[1]} is there twice"
        if problem:
            raise InputError(f"damaged shard: {problem}", where=f"{path}, line {number}", fix=fix)
        rows[key] = row
    return dict(sorted(rows.items()))


def check_keys(rows: Mapping[Key, Row], *, expected: Set[Key], path: Path) -> None:
    """Refuse a shard that lacks completions or holds some too many.

    Args:
        rows: The shard.
        expected: The (id, sample) pairs that it must hold, no more and no fewer.
        path: The shard's file, for the message.

    Raises:
        InputError: The two differ.
    """
    missing, surplus = sorted(expected - rows.keys()), sorted(rows.keys() - expected)
    if not missing and not surplus:
        return
    kind, example = ("lacks", missing[0]) if missing else ("should not hold", surplus[0])
    what = (
        f"damaged shard: {len(rows)} completions where {len(expected)} belong; "
        f"it {kind} prompt {example[0]}, sample {example[1]}"
    )
    fix = f"delete {path} and run again; only this shard is made anew"
    raise InputError(what, where=f"{path}, line {len(rows)} (the last)", fix=fix)


def complete_keys(rows: Mapping[Key, Row], *, ids: Set[str]) -> set[Key]:
    """Return the (id, sample) pairs of a full shard: every id with every sample seen for any id."""
    samples = range(1 + max((sample for _, sample in rows), default=0))
    return {(prompt_id, sample) for prompt_id in ids for sample in samples}


def _lines(path: Path, fix: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("the file is missing", where=str(path), fix="run again") from error
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", where=f"{path}, line {_bad_line(path, error.start)}", fix=fix) from error
    # Not splitlines(): a completion may hold U+2028 and JSON need not escape it.
    return text.removesuffix("\n").split("\n") if text else []


def _bad_line(path: Path, offset: int) -> int:
    return path.read_bytes()[:offset].count(b"\n") + 1


def _parse(line: str) -> tuple[Row, str]:
    try:
        row = json.loads(line)
    except ValueError as error:
        return {}, f"not JSON ({error})"
    if not isinstance(row, dict):
        return {}, "not a JSON object"
    for name in _REQUIRED:
        if name not in row:
            return row, f"no key {name!r}"
    return row, _wrong_type(row)


def _wrong_type(row: Row) -> str:
    for name in _TEXTS:
        if not isinstance(row[name], str):
            return f"{name!r} is not text"
    for name in _COUNTS:
        if not isinstance(row[name], int) or isinstance(row[name], bool) or row[name] < 0:
            return f"{name!r} is not a count"
    for name in _NUMBERS:
        value = row[name]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"{name!r} is neither a number nor null"
        # null in JSON is NaN in every table; an infinity would turn each mean into one.
        row[name] = math.nan if value is None or not math.isfinite(value) else float(value)
    if row["finish_reason"] not in {"eos", "length"}:
        return f"'finish_reason' is {row['finish_reason']!r}, neither 'eos' nor 'length'"
    return ""


def _mismatch(row: Row, condition: Mapping[str, Any]) -> str:
    for name in _CONDITION:
        if row[name] != condition[name]:
            return f"its {name} is {row[name]!r}, its path says {condition[name]!r}"
    return ""


def _unknown_prompt(row: Row, prompts: Mapping[str, Prompt]) -> str:
    if row["id"] not in prompts:
        return f"there is no prompt {row['id']!r} in this run's prompts"
    if row["prompt"] != prompts[row["id"]].prompt:
        return f"the text of prompt {row['id']!r} differs from this run's prompts"
    return ""
