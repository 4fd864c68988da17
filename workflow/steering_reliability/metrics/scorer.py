"""A refusal score that the user brings: one function in one file."""

import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path

from steering_reliability.errors import InputError

Scorer = Callable[[str, str], float]
"""Takes prompt and completion, gives a refusal score in [0, 1]."""


def load_scorer(name: str) -> Scorer:
    """Load `file.py:function` and guard it.

    The file is the user's own program and runs with the user's rights, like the config that names it. It may import
    modules of its own folder.

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
    spec = importlib.util.spec_from_file_location("own_scorer", path)
    if spec is None or spec.loader is None:
        raise InputError("this is no Python file", where=where, fix="give file.py:function")
    module = importlib.util.module_from_spec(spec)
    folder = str(Path(path).resolve().parent)
    if folder not in sys.path:
        # It stays there: a scorer may import when it is called.
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"the file fails: {type(error).__name__}: {error}", where=where, fix="mend it") from error
    found = getattr(module, function, None)
    if not callable(found):
        raise InputError(f"the file has no function {function}", where=where, fix="correct the name")

    def guarded(prompt: str, completion: str) -> float:
        try:
            score = float(found(prompt, completion))
        except Exception as error:
            what = f"the scorer fails: {type(error).__name__}: {error}"
            raise InputError(what, where=f"{where}, prompt {prompt[:60]!r}", fix="mend the function") from error
        if not (math.isfinite(score) and 0 <= score <= 1):
            what = f"the scorer gave {score}, not a number from 0 to 1"
            raise InputError(what, where=f"{where}, prompt {prompt[:60]!r}", fix="mend the function")
        return score

    return guarded
