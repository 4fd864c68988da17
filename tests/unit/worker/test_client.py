"""A shard job is light: whoever asks for completions pays no import of torch."""

import os
import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[3] / "workflow"


def test_a_shard_job_imports_no_torch():
    code = (
        "import sys, steering_reliability.worker.write_shard, steering_reliability.worker.client; "
        "print(sorted({'torch', 'transformers', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_owner_counts_on_its_node_and_in_its_job_only():
    from steering_reliability.worker.client import claim_owner

    here: dict[str, str] = {}
    first = claim_owner(here)
    assert first == os.getpid()
    # A child inherits the answer, whoever asks.
    inherited = here | {"STEERING_OWNER": "4711"}
    assert claim_owner(inherited) == 4711
    # A job was sent off from there: inside it, the first that asks takes over, and its steps inherit that.
    job = inherited | {"SLURM_JOB_ID": "88"}
    assert claim_owner(job) == os.getpid()
    assert claim_owner(job | {"STEERING_OWNER": "5000"}) == 5000
    # Another node, without any scheduler's number.
    elsewhere = inherited | {"STEERING_PLACE": "another-node/"}
    assert claim_owner(elsewhere) == os.getpid()
