"""A refusal score that the user brings: one function in one file, with the modules of its folder that it imports."""

import ast
import importlib.util
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from steering_reliability.errors import InputError

Scorer = Callable[[str, str], float]
"""Takes prompt and completion, gives a refusal score in [0, 1]."""


def load_scorer(name: str) -> Scorer:
    """Load `file.py:function` and guard it.

    The file is the user's program and runs with the user's rights, like the config that names it. It may import
    modules of its folder.

    Args:
        name: Path of a Python file and the name of a function in it.

    Returns:
        The function; what it gives is checked at every call.

    Raises:
        InputError: When the file can't be loaded or has no such function; from the function itself when it fails or
            gives anything but a number in [0, 1].
    """
    path, _, function = name.rpartition(":")
    where = f"config key metrics.scorer: {name}"
    if not Path(path).is_file():
        raise InputError("there is no such file", where=where, fix="correct the path")
    spec = importlib.util.spec_from_file_location("user_scorer", path)
    if spec is None or spec.loader is None:
        raise InputError("this is not a Python file", where=where, fix="give file.py:function")
    module = importlib.util.module_from_spec(spec)
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:
        # It stays there: a scorer may import when it is called.
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        fix = "correct the file"
        raise InputError(f"the file fails: {type(error).__name__}: {error}", where=where, fix=fix) from error
    found = getattr(module, function, None)
    if not callable(found):
        raise InputError(f"the file has no function {function}", where=where, fix="correct the name")

    def guarded(prompt: str, completion: str) -> float:
        try:
            score = float(found(prompt, completion))
        except Exception as error:
            what = f"the scorer fails: {type(error).__name__}: {error}"
            raise InputError(what, where=f"{where}, prompt {prompt[:60]!r}", fix="correct the function") from error
        if not (math.isfinite(score) and 0 <= score <= 1):
            what = f"the scorer returned {score}, not a number from 0 to 1"
            raise InputError(what, where=f"{where}, prompt {prompt[:60]!r}", fix="correct the function")
        return score

    return guarded


def scorer_files(path: str) -> list[str]:
    """Find the scorer's file and every module of its folder that is imported on the way, without running it.

    Installed packages are not among them: which ones there are, provenance.json does not say.

    Args:
        path: The file that the config names.

    Returns:
        Paths, the scorer's file first; of a file that is missing or no Python only its path.
    """
    found, waiting = [path], [Path(path)]
    while waiting:
        for module in _imports(waiting.pop(), top=Path(path).parent):
            for file in (module.with_suffix(".py"), module / "__init__.py"):
                if file.is_file() and str(file) not in found:
                    found.append(str(file))
                    waiting.append(file)
    return [found[0], *sorted(found[1:])]


def _imports(file: Path, *, top: Path) -> Iterator[Path]:
    """Where the modules would lie that a file may import, without an ending; for `a.b` both `a` and `a/b`."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (place for alias in node.names for place in _places(alias.name, below=top))
        elif isinstance(node, ast.ImportFrom):
            below = top if node.level == 0 else file.parents[node.level - 1]
            stem = [node.module] if node.module else []
            yield from (place for alias in node.names for place in _places(".".join([*stem, alias.name]), below=below))


def _places(name: str, *, below: Path) -> Iterator[Path]:
    parts = name.split(".")
    yield from (below.joinpath(*parts[: end + 1]) for end in range(len(parts)))
