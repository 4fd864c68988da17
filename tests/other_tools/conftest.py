"""What the tests beside other tools share: the Python that has a tool, which .venv does not."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow")}


def python_of(variable: str, *, venv: str, tools: str) -> Path:
    """The Python of a venv, or the one that an environment variable names; without it the test is skipped."""
    python = Path(os.environ.get(variable, REPOSITORY / venv / "bin/python"))
    if not python.is_file():
        pytest.skip(f"there is no {tools} in {python}: `make {venv}/ready`")
    return python


@pytest.fixture(scope="session")
def inspect_python() -> Path:
    """The Python that has inspect-ai."""
    return python_of("STEERING_INSPECT_PYTHON", venv=".venv-inspect", tools="inspect-ai")


@pytest.fixture(scope="session")
def steering_python() -> Path:
    """The Python that has other libraries for steering."""
    return python_of("STEERING_LIBRARIES_PYTHON", venv=".venv-steering", tools="repeng and steering-vectors")


@pytest.fixture(scope="session")
def call():
    """Return a function that runs a program of another environment and returns what it printed."""

    def run(*command: str | Path, code: int = 0, cwd: Path | None = None) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, env=ENVIRONMENT, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout or done.stderr

    return run
