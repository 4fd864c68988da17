"""Files that are complete or not there, and their SHA-256."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a file its name when it is complete, and the mode of a new file; its folder is made if need be.

    Yields:
        Another name in the same folder, to write to. `torch.save` writes the name without its suffix into the file, so
        that the process's number is no part of any byte.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mode = usual_mode(scratch)
        yield scratch
        # Some writers (safetensors) make files that only their owner may read, whatever the umask is.
        scratch.chmod(mode)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def usual_mode(path: Path) -> int:
    """Make an empty file and return its mode, which umask and folder decide."""
    path.touch()
    return stat.S_IMODE(path.stat().st_mode)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file with line feeds by `atomic_write`."""
    with atomic_write(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no such file, or none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; it is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
