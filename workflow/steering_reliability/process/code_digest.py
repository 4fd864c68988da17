"""A digest of the code that decides a rule's bytes, so that Snakemake notices a change."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE = Path(__file__).parents[1]
SCRIPTS = PACKAGE.parent / "scripts"
# In an installed package; a clone has it around the package.
_WORKFLOW = PACKAGE / "workflow"

UNCHANGING: Final = {
    "errors.py": "what a user reads when nothing is written",
    "process/job_log.py": "where a job's output and errors go",
    "process/termination.py": "when a process ends",
    "process/code_digest.py": "is the digest",
    "files.py": "how a file comes into its place",
    "process/machine.py": "reads facts of the machine",
    "process/system.py": "asks the system for them",
    "process/ledger.py": "where that is recorded",
    "prompts/validate.py": "refuses a prompts file or lets it pass; prompts/reading.py reads it",
    "prompts/check.py": "refuses prompts or lets them pass as they are",
    "config/schema.py": "its values reach the rules as params",
    "worker/rendezvous.py": "where a worker is found",
    "worker/client.py": "how a worker is started and asked",
    "vllm_engine/installed.py": "where vLLM is found; its version reaches the rules as a param",
    "generation/memory.py": "how many rows fit at once, which changes no row",
}
"""Modules that cannot change the bytes of what a rule writes, and why; their imports are not followed."""

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(steering_reliability[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(steering_reliability[\w.]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COMMAND = '\nif __name__ == "__main__":'


def code_of(
    *scripts: str,
    assets: Sequence[str] = (),
    without: Sequence[str] = (),
    script_file: Callable[[str], str] | None = None,
) -> str:
    """Digest all code that a rule runs: its script and every module of the package that is imported on the way.

    Imports are found by reading the text, so a module counts as soon as it is named, wherever in a file. `UNCHANGING`
    modules and what stands under `if __name__ == "__main__":` do not count.

    Args:
        scripts: Names of scripts in workflow/scripts, or paths of modules relative to the package.
        assets: Folders of the package whose files are read as data.
        without: Modules that this job does not run, and what only they import.
        script_file: Finds a script that does not lie beside the package; the digest is the same as if it did.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 over names and contents.

    Raises:
        FileNotFoundError: When a script, module or folder does not exist.
    """
    starts = {place: _found(place, script_file=script_file) for place in map(_place, scripts)}
    imported = _closure(list(starts.values()), without=without) - set(starts.values())
    texts = {path: path for path in (*imported, *_files(*assets))} | starts
    total = hashlib.sha256()
    for place, path in sorted(texts.items()):
        # What Snakemake fetches from a repository has lost the newline at its end.
        text = _text(path) if path == place else _text(path).rstrip("\n") + "\n"
        total.update(str(place.relative_to(PACKAGE.parent)).encode() + b"\0" + text.encode() + b"\0")
    return total.hexdigest()[:16]


def _place(name: str) -> Path:
    return PACKAGE / name if name.endswith(".py") else SCRIPTS / f"{name}.py"


def _found(place: Path, *, script_file: Callable[[str], str] | None) -> Path:
    return place if script_file is None or place.parent != SCRIPTS else Path(script_file(place.stem))


def _closure(starts: Sequence[Path], *, without: Sequence[str]) -> set[Path]:
    waiting, found = list(starts), set(starts)
    left_out = {PACKAGE / name for name in without}
    while waiting:
        new = _imported(waiting.pop()) - found - left_out
        found |= new
        waiting += new
    return found


def _files(*assets: str) -> Iterator[Path]:
    for name in assets:
        if not (PACKAGE / name).exists():
            raise FileNotFoundError(PACKAGE / name)
        yield from (path for path in (PACKAGE / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@cache
def _text(path: Path) -> str:
    """The file without what only runs as a command."""
    return path.read_text(encoding="utf-8").partition(_COMMAND)[0]


@cache
def _imported(path: Path) -> frozenset[Path]:
    found = set()
    for module, names, plain in _IMPORT.findall(_text(path)):
        base = PACKAGE.parent / (module or plain).replace(".", "/")
        candidates = [base.with_suffix(".py"), base / "__init__.py"]
        candidates += [base / f"{name}.py" for name in _NAME.findall(_COMMENT.sub("", names))]
        found |= {candidate for candidate in candidates if _counts(candidate)}
    return frozenset(found)


def _counts(path: Path) -> bool:
    return path.is_file() and str(path.relative_to(PACKAGE)) not in UNCHANGING and path != PACKAGE / "__init__.py"


def package_digest() -> str:
    """Digest every file of the package but the workflow's, for the record of a run."""
    total = hashlib.sha256()
    for path in sorted(path for path in _files(".") if not path.is_relative_to(_WORKFLOW)):
        total.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]
