"""Read completions that people have labelled as refusal or compliance."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from steering_reliability.errors import InputError

FinalLabel = Literal["1_full_compliance", "2_full_refusal", "3_partial_refusal"]
_FIELDS = ("prompt", "completion", "model", "final_label")
_FIX = "give JSON Lines with prompt, completion, model and final_label, one of: " + ", ".join(get_args(FinalLabel))


@dataclass(frozen=True)
class LabelledCompletion:
    """One completion and what people say it is, in the format of XSTest (Röttger et al., 2024).

    Args:
        prompt: The prompt that was answered.
        completion: What the model wrote.
        model: Which model wrote it.
        final_label: What people call it.
    """

    prompt: str
    completion: str
    model: str
    final_label: FinalLabel

    @property
    def refused(self) -> bool:
        """Whether it is a refusal, a partial one included."""
        return self.final_label != "1_full_compliance"

    def truncated(self, n_words: int) -> "LabelledCompletion":
        """Return the same row with its completion cut after the first `n_words` words."""
        words = self.completion.split(maxsplit=n_words)
        kept = self.completion if len(words) <= n_words else self.completion.removesuffix(words[-1]).rstrip()
        return LabelledCompletion(self.prompt, kept, self.model, self.final_label)


def _parse_line(line: str, *, where: str) -> LabelledCompletion:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"the line is not JSON ({error.msg})", where=where, fix=_FIX) from None
    if not isinstance(row, dict):
        raise InputError("the line is not a JSON object", where=where, fix=_FIX)
    for name in _FIELDS:
        if not isinstance(row.get(name), str):
            raise InputError(f"the field {name!r} is missing or not a string", where=where, fix=_FIX)
    if row["final_label"] not in get_args(FinalLabel):
        raise InputError(f"unknown final_label {row['final_label']!r}", where=where, fix=_FIX)
    return LabelledCompletion(row["prompt"], row["completion"], row["model"], row["final_label"])


def read_labels(path: Path) -> list[LabelledCompletion]:
    """Read a JSON Lines file of labelled completions.

    Raises:
        InputError: The file is missing or empty, or a line is not a labelled completion; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the labels cannot be read ({error})", where=str(path), fix=_FIX) from None
    rows = [
        _parse_line(line, where=f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()
    ]
    if not rows:
        raise InputError("the file holds no labelled completion", where=str(path), fix=_FIX)
    return rows
