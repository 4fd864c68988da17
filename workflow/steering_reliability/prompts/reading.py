"""Read a prompts file: what decides which prompts a run has, and nothing of what is said about a faulty one."""

import codecs
import json
from pathlib import Path
from typing import Any

from steering_reliability.prompts.schema import UNKNOWN, Prompt
from steering_reliability.prompts.validate import check_file


def read_prompts(path: Path, *, split: str) -> list[Prompt]:
    """Read a JSON Lines prompts file; blank lines and a UTF-8 byte order mark are tolerated.

    Args:
        path: The file.
        split: The split it is for, named in errors.

    Returns:
        The prompts in file order; without `meta`, family and style are "unknown".

    Raises:
        InputError: Once, with all faults, as `check_file` finds them.
    """
    check_file(path, split=split)
    lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    return [_prompt(json.loads(line)) for line in lines if line.strip()]


def _prompt(record: dict[str, Any]) -> Prompt:
    meta = record.get("meta", {})
    extra = {key: value for key, value in meta.items() if key not in ("family", "style")}
    family, style = meta.get("family", UNKNOWN), meta.get("style", UNKNOWN)
    return Prompt(id=record["id"], prompt=record["prompt"], family=family, style=style, extra=extra)
