"""What the tests of vLLM share: its Python, where it is, and rows written there."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from steering_reliability.generation.requests import CompletionRequest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "workflow"), str(HERE)])}


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python that has vLLM."""
    python = Path(os.environ.get("STEERING_VLLM_PYTHON", REPOSITORY / ".venv-vllm/bin/python"))
    if not python.is_file():
        pytest.skip(f"there is no vLLM in {python}: `make .venv-vllm/ready`")
    return python


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The embedded model's folder."""
    found = sorted((REPOSITORY / "results" / "models").glob("SmolLM2-*/config.json"))
    folders = [path.parent for path in found if "-refusal-" not in path.parent.name]
    if not folders:
        pytest.skip("results/models/SmolLM2-* is not there: run the target `model` (or `make results`) first")
    return folders[0]


@pytest.fixture(scope="session")
def served(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory):
    """Return a function that has vLLM write requests, all in one batch for each hook point."""

    def serve(
        folder: Path,
        requests: dict[str, Sequence[CompletionRequest]],
        *,
        texts: Sequence[tuple[Sequence[int], int, int]] = (),
        dtype: str = "float32",
        **settings: Any,
    ) -> dict[str, Any]:
        place = tmp_path_factory.mktemp("served")
        asked = {point: [asdict(one) for one in of_point] for point, of_point in requests.items()}
        job = {"folder": str(folder), "dtype": dtype, "settings": settings, "requests": asked, "texts": texts}
        (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [str(vllm_python), str(HERE / "served.py"), str(place / "job.json"), str(place / "answer.json")]
        done = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return json.loads((place / "answer.json").read_text(encoding="utf-8"))

    return serve
