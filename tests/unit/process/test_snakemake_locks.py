"""Locks of killed runs go; locks of living ones, and of other machines, stay."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from steering_reliability.process.snakemake_locks import RECORD, record_run, release_stale_locks


@pytest.fixture
def folder(tmp_path):
    """A .snakemake with two locks, after a run on this machine whose process is gone."""
    folder = tmp_path / ".snakemake"
    (folder / "locks").mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock"):
        (folder / "locks" / name).write_text("results/x\n")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (folder / RECORD).write_text(json.dumps({"host": socket.gethostname(), "pid": gone.pid}))
    return folder


def locks(folder):
    return sorted(path.name for path in (folder / "locks").iterdir())


def start(directory, *, seconds, name="snakemake"):
    """A process that looks like Snakemake's, in a directory."""
    script = directory / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import sys, time; print('up', flush=True); time.sleep(float(sys.argv[1]))")
    command = [sys.executable, str(script), str(seconds)]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_locks_of_a_run_that_is_gone_are_removed(folder):
    assert release_stale_locks(folder) == 2
    assert locks(folder) == []
    assert release_stale_locks(folder) == 0


def test_without_a_record_nothing_is_touched(folder):
    (folder / RECORD).unlink()
    assert release_stale_locks(folder) == 0
    (folder / RECORD).write_text("{")
    assert release_stale_locks(folder) == 0
    assert len(locks(folder)) == 2


def test_locks_of_another_machine_stay(folder):
    (folder / RECORD).write_text(json.dumps({"host": "another-node", "pid": 1}))
    assert release_stale_locks(folder) == 0
    assert len(locks(folder)) == 2


def test_a_living_run_keeps_its_locks_and_nobody_waits(folder):
    alive = start(folder.parent, seconds=60)
    try:
        (folder / RECORD).write_text(json.dumps({"host": socket.gethostname(), "pid": alive.pid}))
        before = time.monotonic()
        assert release_stale_locks(folder, patience=30) == 0
        assert time.monotonic() - before < 5
        # Another run in the directory, while the record is of one that is gone.
        (folder / RECORD).write_text(json.dumps({"host": socket.gethostname(), "pid": 2**22 - 1}))
        assert release_stale_locks(folder, patience=0.5) == 0
        assert len(locks(folder)) == 2
    finally:
        alive.kill()
        alive.wait()


@pytest.mark.parametrize("name", ["snakemake", ".snakemake/scripts/tmp1.complete_shard.py"])
def test_a_job_left_behind_is_waited_for(folder, name):
    job = start(folder.parent, seconds=1.5, name=name)
    assert release_stale_locks(folder, patience=20) == 2
    assert job.poll() is not None or job.wait(timeout=1) == 0


def test_a_job_that_does_not_end_is_named(folder, capsys):
    job = start(folder.parent, seconds=60, name=".snakemake/scripts/tmp1.complete_shard.py")
    try:
        assert release_stale_locks(folder, patience=0.3) == 0
        assert f"still work in it: {job.pid}." in capsys.readouterr().err
        assert len(locks(folder)) == 2
    finally:
        job.kill()
        job.wait()
    assert release_stale_locks(folder) == 2


def test_a_run_elsewhere_does_not_count(folder, tmp_path_factory):
    other = start(tmp_path_factory.mktemp("elsewhere"), seconds=60)
    try:
        assert release_stale_locks(folder, patience=0) == 2
    finally:
        other.kill()
        other.wait()


def test_a_run_is_recorded_whole(tmp_path):
    record_run(tmp_path)
    assert json.loads((tmp_path / RECORD).read_text()) == {"host": socket.gethostname(), "pid": os.getpid()}
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]
