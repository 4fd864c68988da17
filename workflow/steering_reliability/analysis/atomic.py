"""Write a file whole or not at all."""

from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name in the same folder, then give it its own name.

    Args:
        path: The file; its folder is made if need be.
        text: What it shall hold, with line feeds only.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
