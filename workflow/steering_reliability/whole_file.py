"""Write a file whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a file its name when it is complete.

    Args:
        path: The file; its folder is made if need be.

    Yields:
        Another name in the same folder, to write to. `torch.save` writes the name into the file, but for its ending:
        the process's number is no part of any byte.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all.

    Args:
        path: The file; its folder is made if need be.
        text: What it shall hold, with line feeds only.
    """
    with whole(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")
