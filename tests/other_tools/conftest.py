"""What the tests beside other tools share: the Python that has a tool, which .venv does not."""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow")}


@pytest.fixture(scope="session")
def inspect_python() -> Path:
    """The Python that has inspect-ai."""
    python = Path(os.environ.get("STEERING_INSPECT_PYTHON", REPOSITORY / ".venv-inspect/bin/python"))
    if not python.is_file():
        pytest.skip(f"there is no inspect-ai in {python}: `make .venv-inspect/ready`")
    return python


@pytest.fixture(scope="session")
def call():
    """Return a function that runs a program of another environment and returns what it printed."""

    def run(*command: str | Path, code: int = 0) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
