"""Content digests: of package modules, so that Snakemake notices a changed import, and of any file."""

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent


def digest(*parts: str) -> str:
    """Digest the bytes of the named modules and sub-packages.

    Args:
        parts: Paths relative to the package, for example `"generation"` or `"model.py"`.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 over names and contents; bytecode does not count.

    Raises:
        FileNotFoundError: When a part does not exist.
    """
    total = hashlib.sha256()
    for part in sorted(parts):
        root = PACKAGE / part
        if not root.exists():
            raise FileNotFoundError(root)
        files = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
        for path in sorted(files):
            if "__pycache__" not in path.parts:
                total.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; it is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
