"""A shard job is light: whoever asks for completions pays no import of torch."""

import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[3] / "workflow"


def test_a_shard_job_imports_no_torch():
    code = (
        "import sys, steering_reliability.generation.shard, steering_reliability.generation.client; "
        "print(sorted({'torch', 'transformers', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
