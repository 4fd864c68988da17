"""Read a prompts file: what decides which prompts a run has, and nothing of what is said about a faulty one."""

import codecs
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from steering_reliability.prompts.schema import UNKNOWN, Prompt
from steering_reliability.prompts.validate import check_content, read_content


def read_prompts(path: Path, *, split: str) -> list[Prompt]:
    """Read a JSON Lines prompts file; blank lines and a UTF-8 byte order mark are tolerated.

    A process checks and parses the same content once, however often it reads the file.

    Returns:
        The prompts in file order; without `meta`, family and style are "unknown".

    Raises:
        InputError: If the file cannot be read, or once with all faults, as `check_content` finds them.
    """
    return list(_parse(read_content(path), split=split, source=str(path)))


@lru_cache(maxsize=8)
def _parse(content: bytes, *, split: str, source: str) -> tuple[Prompt, ...]:
    content = content.removeprefix(codecs.BOM_UTF8)
    check_content(content, split=split, source=source)
    return tuple(_prompt(json.loads(line)) for line in content.split(b"\n") if line.strip())


def _prompt(record: dict[str, Any]) -> Prompt:
    meta = record.get("meta", {})
    extra = {key: value for key, value in meta.items() if key not in ("family", "style")}
    family, style = meta.get("family", UNKNOWN), meta.get("style", UNKNOWN)
    return Prompt(id=record["id"], prompt=record["prompt"], family=family, style=style, extra=extra)
