"""Locks of killed runs go; locks of living ones, and of other machines, stay."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager

import psutil
import pytest
from steering_reliability.process.snakemake_locks import RECORD, release_stale_locks
from steering_reliability.process.system import host_name

JOB = ".snakemake/scripts/tmp1.complete_shard.py"


@pytest.fixture
def folder(tmp_path):
    """A .snakemake with two locks, after a run on this machine whose process is gone."""
    folder = tmp_path / ".snakemake"
    (folder / "locks").mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock"):
        (folder / "locks" / name).write_text("results/x\n")
    record(folder, pid=2**22 - 1)
    return folder


def record(folder, *, pid):
    (folder / RECORD).write_text(json.dumps({"host": host_name(), "pid": pid}))


@contextmanager
def process(directory, *, seconds=60.0, name="snakemake"):
    """A process that looks like Snakemake's, or like its job's, in a directory."""
    script = directory / name
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import sys, time; print('up', flush=True); time.sleep(float(sys.argv[1]))")
    command = [sys.executable, str(script), str(seconds)]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE) as started:
        started.stdout.readline()
        yield started
        started.kill()


def n_locks(folder):
    return len(list((folder / "locks").iterdir()))


def test_locks_of_a_run_that_is_gone_are_removed(folder, tmp_path_factory):
    # A run in another directory does not count.
    with process(tmp_path_factory.mktemp("elsewhere")):
        assert release_stale_locks(folder, patience=0) == 2
    assert n_locks(folder) == 0
    assert release_stale_locks(folder) == 0


@pytest.mark.parametrize("text", [None, "{", json.dumps({"host": "another-node", "pid": 1})])
def test_without_a_record_of_this_machine_nothing_is_touched(folder, text):
    (folder / RECORD).unlink()
    if text is not None:
        (folder / RECORD).write_text(text)
    assert release_stale_locks(folder) == 0
    assert n_locks(folder) == 2


def test_a_living_run_keeps_its_locks_and_nobody_waits(folder):
    with process(folder.parent) as alive:
        record(folder, pid=alive.pid)
        before = time.monotonic()
        assert release_stale_locks(folder, patience=30) == 0
        assert time.monotonic() - before < 5
    # Another run in the directory, while the record is of one that is gone.
    with process(folder.parent):
        record(folder, pid=2**22 - 1)
        assert release_stale_locks(folder, patience=0.5) == 0
    assert n_locks(folder) == 2


def test_a_living_run_keeps_its_locks_where_snakemakes_folder_is_a_link_to_another_disk(folder, tmp_path_factory):
    project = tmp_path_factory.mktemp("project")
    (project / ".snakemake").symlink_to(folder)
    with process(project) as alive:
        record(folder, pid=alive.pid)
        assert release_stale_locks(project / ".snakemake", patience=0) == 0
    assert release_stale_locks(project / ".snakemake") == 2


def test_a_living_run_of_another_user_whose_directory_cannot_be_read_keeps_its_locks(folder, monkeypatch):
    def unread(attributes):
        for one in psutil.Process().children():
            one.info = {"cwd": None, "cmdline": one.cmdline()}
            yield one

    monkeypatch.setattr(psutil, "process_iter", unread)
    with process(folder.parent) as alive:
        # Of another process than the recorded one nothing is known.
        assert release_stale_locks(folder, patience=0) == 2
        (folder / "locks" / "0.input.lock").write_text("results/x\n")
        record(folder, pid=alive.pid)
        assert release_stale_locks(folder, patience=0) == 0


def test_a_job_left_behind_is_waited_for_and_named_if_it_does_not_end(folder, capsys):
    with process(folder.parent, name=JOB) as job:
        assert release_stale_locks(folder, patience=0.3) == 0
        assert f"still working in it: {job.pid}." in capsys.readouterr().err
        assert n_locks(folder) == 2
    with process(folder.parent, seconds=1.0, name=JOB) as job:
        assert release_stale_locks(folder, patience=20) == 2
        assert job.wait(timeout=1) == 0
