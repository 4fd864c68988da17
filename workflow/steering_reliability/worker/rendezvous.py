"""What lies where clients and workers meet: a worker's socket, the note of its process, the lock of who starts it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

import psutil

from steering_reliability.worker.protocol import private_folder

WORKER_MODULE = "steering_reliability.worker.server"


@contextmanager
def start_lock(socket: Path, *, wait: bool = True) -> Iterator[bool]:
    """Keep a worker's place for oneself; the file of the lock is gone afterwards.

    Args:
        socket: Path of the worker's socket.
        wait: Whether to wait for somebody who has the lock.

    Yields:
        Whether the lock is ours: always, where it is waited for.
    """
    path = socket.with_suffix(".lock")
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            if not _is_at(path, file):
                # Whoever had it took the file away; another may hold the next one already.
                continue
            try:
                yield True
            finally:
                path.unlink()
            return


def _is_at(path: Path, file: TextIOWrapper) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def is_worker(pid: int) -> bool:
    """Whether a process is a worker; a note of one that was killed may name a number that is somebody else's by now."""
    try:
        return WORKER_MODULE in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def read_note(note: Path) -> tuple[int, int] | None:
    """Process and owner of the worker that wrote a note; None where it is gone, or not whole yet."""
    try:
        pid, owner = note.read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid), int(owner)


def sweep() -> None:
    """Take away what workers and clients that were killed have left."""
    folder = private_folder()
    for name in {path.stem for path in folder.iterdir()}:
        socket, note = folder / f"{name}.sock", folder / f"{name}.pid"
        with start_lock(socket, wait=False) as ours:
            known = read_note(note)
            # A note without a number is being written just now.
            at_work = is_worker(known[0]) if known else note.exists()
            if ours and not at_work:
                socket.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
