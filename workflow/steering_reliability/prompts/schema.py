"""What one prompt is, and the canonical JSON Lines form in which prompts are kept."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steering_reliability.files import atomic_write

SPLITS = ("harm_train", "harm_test", "benign")
"""The splits: in distribution, out of distribution, and the cost side of the trade-off."""

UNKNOWN = "unknown"
"""Family or style of a prompt whose file does not say."""


@dataclass(frozen=True)
class Prompt:
    """One request to a model.

    Args:
        id: Unique within its split; no control characters, no path separators.
        prompt: The user's text, without any chat template.
        family: What it is about in general, for example "weapons".
        style: The manner of the request, for example "direct".
        extra: Further keys of `meta`, kept as they came. Generated prompts carry "template" and "topic", the one thing
            within the family that is requested.
    """

    id: str
    prompt: str
    family: str
    style: str
    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Prompt":
        """The prompt of a row of results.parquet; a family or style that is missing there is `UNKNOWN`."""
        family, style = (row[name] if isinstance(row[name], str) else UNKNOWN for name in ("family", "style"))
        return cls(id=str(row["id"]), prompt=str(row["prompt"]), family=family, style=style)

    def to_json(self) -> str:
        """One line of JSON, `{"id", "prompt", "meta": {"family", "style", ...}}`, without a newline."""
        meta = {"family": self.family, "style": self.style, **self.extra}
        return json.dumps({"id": self.id, "prompt": self.prompt, "meta": meta}, ensure_ascii=False)


def to_jsonl(prompts: Iterable[Prompt]) -> bytes:
    """The exact bytes of a canonical prompts file: UTF-8, one prompt per line, LF line ends."""
    return "".join(f"{prompt.to_json()}\n" for prompt in prompts).encode("utf-8")


def write_prompts(prompts: Iterable[Prompt], *, path: Path) -> None:
    """Write a canonical prompts file, whole or not at all; missing folders above it are made."""
    with atomic_write(path) as scratch:
        scratch.write_bytes(to_jsonl(prompts))
