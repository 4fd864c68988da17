"""A shard job is light: whoever asks for completions pays no import of torch."""

import os


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
