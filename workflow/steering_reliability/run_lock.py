"""A lock of a run's folder: Snakemake's own locks go, for all runs of a directory, when any of them ends."""

import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from steering_reliability.errors import InputError
from steering_reliability.whole_file import write_text

LOCK = ".running.json"


def hold_run(folder: Path) -> None:
    """Take a run's folder for this process; what a process that is gone has left is taken over.

    Args:
        folder: The run's; it is made if it is not there.

    Raises:
        InputError: When another process holds it; says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, own = folder / LOCK, folder / f"{LOCK}.{os.getpid()}"
    write_text(own, json.dumps(_this_process()) + "\n")
    try:
        while True:
            try:
                # A link fails where the name is taken: of two that start at once one gets it.
                os.link(own, lock)
            except FileExistsError:
                _take_away_if_stale(lock)
            else:
                return
    finally:
        own.unlink()


def release_run(folder: Path) -> None:
    """Give a run's folder back, if this process holds it."""
    lock = folder / LOCK
    if _read(lock) == _this_process():
        lock.unlink(missing_ok=True)


def _take_away_if_stale(lock: Path) -> None:
    holder = _read(lock)
    if holder is None:
        return
    host, pid = holder.get("host"), holder.get("pid")
    if host != socket.gethostname():
        raise InputError(
            f"a run on {host} (process {pid}, begun {_clock(holder)}) writes to this folder",
            where=str(lock.parent),
            fix=f"wait for it; if it is surely over, delete {lock}",
        )
    if _is_alive(holder):
        raise InputError(
            f"another Snakemake (process {pid}, begun {_clock(holder)}) writes to this folder",
            where=str(lock.parent),
            fix="wait until it has ended, or give this run an experiment.output_dir of its own",
        )
    # Renamed first: of two that see the same stale lock one takes it away, and not the other's new one.
    stale = lock.with_name(f"{LOCK}.stale.{os.getpid()}")
    with suppress(FileNotFoundError):
        lock.rename(stale)
        if _read(stale) != holder:
            stale.rename(lock)
        stale.unlink(missing_ok=True)


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "begun": psutil.Process().create_time()}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether the process is there, and not another one that has its number by now."""
    try:
        begun: float = psutil.Process(int(holder["pid"])).create_time()
        return abs(begun - float(holder["begun"])) < 1
    except (psutil.Error, KeyError, ValueError, TypeError):
        return False


def _clock(holder: dict[str, Any]) -> str:
    try:
        return datetime.fromtimestamp(float(holder["begun"])).astimezone().isoformat(" ", "seconds")
    except (KeyError, ValueError, TypeError, OverflowError):
        return "at an unknown time"


def _read(lock: Path) -> dict[str, Any] | None:
    """What the lock says; None where it is gone, nothing where it is damaged."""
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {"host": socket.gethostname()}
    return found if isinstance(found, dict) else {"host": socket.gethostname()}
