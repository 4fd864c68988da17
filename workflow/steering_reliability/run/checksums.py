"""SHA-256 of every file of a run, in the form that `sha256sum --check` reads."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from steering_reliability.errors import InputError
from steering_reliability.files import sha256_of, write_text

State = Literal["as recorded", "changed", "missing"]


def write_checksums(paths: Iterable[str], *, output: Path, below: str = "") -> None:
    """Record the SHA-256 of files.

    `below` is what stands before a path of the rules here; nothing where all jobs share a disk.

    Raises:
        InputError: When a path has a line break, which the format has no place for.
    """
    lines = []
    for path in sorted(set(paths)):
        name = path.removeprefix(below)
        if "\n" in name or "\\" in name:
            raise InputError("a file's name can't be recorded", where=repr(name), fix="choose another output_dir")
        lines.append(f"{sha256_of(Path(path))}  {name}\n")
    write_text(output, "".join(lines))


def read_checksums(path: Path) -> dict[str, str]:
    """Read what was recorded: path to SHA-256.

    Raises:
        InputError: When the list is missing or damaged.
    """
    fix = "finish the run: Snakemake writes the list at its end"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("there are no recorded checksums", where=str(path), fix=fix) from error
    found = {}
    for number, line in enumerate(lines, start=1):
        matched = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if matched is None:
            raise InputError("the recorded checksums are damaged", where=f"{path}, line {number}", fix=fix)
        found[matched[2]] = matched[1]
    return found


def check_files(recorded: Mapping[str, str], *, root: Path) -> dict[str, State]:
    """Compare files with what was recorded of them; relative paths start at `root`.

    A folder, or a link to nothing, in a file's place is `changed`.
    """
    return {name: _state(root / name, digest) for name, digest in recorded.items()}


def _state(path: Path, digest: str) -> State:
    if path.is_symlink() and not path.exists():
        return "changed"
    if not path.exists():
        return "missing"
    try:
        return "as recorded" if path.is_file() and sha256_of(path) == digest else "changed"
    except OSError:
        return "changed"
