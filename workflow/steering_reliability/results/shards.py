"""Read one shard of completions and refuse it if anything in it is not what its path promises."""

import json
import math
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, NonNegativeInt, ValidationError

from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt

ShardRow = dict[str, Any]
Key = tuple[str, int]
"""(prompt id, sample): one completion within a shard."""

# null in JSON is NaN in every table; an infinity would turn each mean into one.
_Number = Annotated[float | None, AfterValidator(lambda x: x if x is not None and math.isfinite(x) else math.nan)]


class _Completion(BaseModel, strict=True):
    id: str
    split: str
    sample: NonNegativeInt
    prompt: str
    completion: str
    n_tokens: NonNegativeInt
    finish_reason: Literal["eos", "length"]
    seed: NonNegativeInt
    mean_logprob: _Number
    mean_entropy: _Number
    first_token_kl: _Number
    base_logprob: _Number
    refusal_propensity: _Number


def read_shard(path: Path, *, condition: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> dict[Key, ShardRow]:
    """Read and check the completions of one condition on one split.

    Every row must say of itself what `condition` says: split, direction, intervention, layer, alpha and seed.

    Returns:
        (id, sample) to row, sorted by key. Missing numbers are NaN.

    Raises:
        InputError: A line is damaged, incomplete, of another condition or of an unknown prompt.
    """
    rows: dict[Key, ShardRow] = {}
    fix = f"delete {path} and run again; only this shard is made again"
    for number, line in enumerate(_lines(path, fix), start=1):
        try:
            row = _parse(line)
            _check(row, condition=condition, prompts=prompts)
            key = (row["id"], row["sample"])
            if key in rows:
                raise ValueError(f"prompt {key[0]}, sample {key[1]} appears twice")
        except ValueError as error:
            raise InputError(f"damaged shard: {error}", where=f"{path}, line {number}", fix=fix) from error
        rows[key] = row
    return dict(sorted(rows.items()))


def check_keys(rows: Mapping[Key, ShardRow], *, expected: Set[Key], path: Path) -> None:
    """Raise InputError where the rows of a shard are not exactly the expected (id, sample) pairs."""
    missing, surplus = sorted(expected - rows.keys()), sorted(rows.keys() - expected)
    if not missing and not surplus:
        return
    kind, example = ("lacks", missing[0]) if missing else ("should not hold", surplus[0])
    what = (
        f"damaged shard: {len(rows)} completions instead of {len(expected)}; "
        f"it {kind} prompt {example[0]}, sample {example[1]}"
    )
    fix = f"delete {path} and run again; only this shard is made again"
    raise InputError(what, where=f"{path}, line {len(rows)} (the last)", fix=fix)


def complete_keys(rows: Mapping[Key, ShardRow], *, ids: Set[str]) -> set[Key]:
    """Return the (id, sample) pairs of a full shard: every id with every sample seen for any id."""
    samples = range(1 + max((sample for _, sample in rows), default=0))
    return {(prompt_id, sample) for prompt_id in ids for sample in samples}


def _lines(path: Path, fix: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("the file is missing", where=str(path), fix="run again") from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError("not UTF-8 text", where=f"{path}, line {line}", fix=fix) from error
    # Not splitlines(): a completion may hold U+2028 and JSON need not escape it.
    return text.removesuffix("\n").split("\n") if text else []


def _parse(line: str) -> ShardRow:
    try:
        row = json.loads(line)
        checked = _Completion.model_validate(row)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'the line'}: {first['msg']}") from error
    return {**row, **checked.model_dump()}


def _check(row: ShardRow, *, condition: Mapping[str, Any], prompts: Mapping[str, Prompt]) -> None:
    for name, expected in condition.items():
        if row.get(name) != expected:
            raise ValueError(f"its {name} is {row.get(name)!r}, its path says {expected!r}")
    if row["id"] not in prompts:
        raise ValueError(f"there is no prompt {row['id']!r} in this run's prompts")
    if row["prompt"] != prompts[row["id"]].prompt:
        raise ValueError(f"the text of prompt {row['id']!r} differs from this run's prompts")
