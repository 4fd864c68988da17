"""The files by which clients find workers: a socket, a pid file, and a lock for the client that starts the worker."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from steering_reliability.worker.protocol import private_folder

WORKER_MODULE = "steering_reliability.worker.server"
VLLM_MODULE = "steering_reliability.worker.vllm_server"


@contextmanager
def start_lock(socket: Path, *, wait: bool = True) -> Iterator[bool]:
    """Let one client at a time start the worker of a socket; the lock's file is removed afterwards.

    Yields whether the lock is held, which it always is where the call waits for it.
    """
    path = socket.with_suffix(".lock")
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            try:
                if not os.path.samestat(path.stat(), os.fstat(file.fileno())):
                    continue
            except FileNotFoundError:
                # Its holder removed the file; another process may hold the next one already.
                continue
            try:
                yield True
            finally:
                path.unlink()
            return


def is_worker(pid: int) -> bool:
    """Whether a process is a worker; the number of one that was killed may be another process's by now."""
    try:
        return not {WORKER_MODULE, VLLM_MODULE}.isdisjoint(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def read_pid_file(path: Path) -> tuple[int, int] | None:
    """Process and owner of a worker; None where the file is gone, or not whole yet."""
    try:
        pid, owner = path.read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid), int(owner)


def remove_stale_sockets() -> None:
    """Remove the files of workers and clients that were killed."""
    folder = private_folder()
    for name in {path.stem for path in folder.iterdir()}:
        socket, pid_file = folder / f"{name}.sock", folder / f"{name}.pid"
        with start_lock(socket, wait=False) as is_held:
            known = read_pid_file(pid_file)
            # A pid file without a number is being written just now.
            is_running = is_worker(known[0]) if known else pid_file.exists()
            if is_held and not is_running:
                socket.unlink(missing_ok=True)
                pid_file.unlink(missing_ok=True)
