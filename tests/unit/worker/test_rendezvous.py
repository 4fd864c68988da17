"""Stale files are removed, and files in use are kept."""

import os
import subprocess
import sys
import threading

import pytest
from steering_reliability.worker.protocol import private_folder
from steering_reliability.worker.rendezvous import WORKER_MODULE, remove_stale_sockets, start_lock


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return private_folder()


@pytest.fixture
def at_work():
    """A process that looks like a worker."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", WORKER_MODULE])
    yield process.pid
    process.kill()
    process.wait()


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_of_a_lock_goes_with_it_and_who_does_not_wait_is_told(folder):
    with start_lock(folder / "a.sock") as ours, start_lock(folder / "a.sock", wait=False) as theirs:
        assert (ours, theirs) == (True, False)
        assert left(folder) == ["a.lock"]
    assert left(folder) == []
    with start_lock(folder / "a.sock", wait=False) as ours:
        assert ours


def test_one_at_a_time_although_the_file_comes_and_goes(folder):
    inside, most, turns = [], [], []

    def take_turns():
        for _ in range(50):
            with start_lock(folder / "a.sock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                turns.append(1)

    threads = [threading.Thread(target=take_turns) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 200
    assert max(most) == 1
    assert left(folder) == []


def test_the_files_of_killed_processes_are_removed_and_what_somebody_is_starting_is_left_alone(folder, at_work):
    for name in ("dead", "alive", "starting", "halfway"):
        (folder / f"{name}.sock").touch()
    (folder / "dead.pid").write_text(f"{os.getpid()} 1\n")  # a number that somebody else has by now
    (folder / "alive.pid").write_text(f"{at_work} 1\n")
    (folder / "client.lock").touch()  # a client that was killed
    (folder / "writing.pid").touch()
    with start_lock(folder / "starting.sock"):
        remove_stale_sockets()
        assert left(folder) == ["alive.pid", "alive.sock", "starting.lock", "starting.sock", "writing.pid"]
