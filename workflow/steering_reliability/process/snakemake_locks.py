"""Snakemake's locks outlive a `kill -9`; those whose run is surely over are taken off."""

import json
import os
import socket
import sys
import time
from pathlib import Path

from steering_reliability.files import write_text

RECORD = "steering_run.json"
PATIENCE_SECONDS = 60.0
NEWS_SECONDS = 3.0


def record_run(folder: Path) -> None:
    """Note which machine runs here, so that a later run there can tell whether its locks still mean anything.

    Args:
        folder: Snakemake's own, `.snakemake`.
    """
    write_text(folder / RECORD, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}) + "\n")


def release_stale_locks(folder: Path, *, patience: float = PATIENCE_SECONDS) -> int:
    """Remove the locks of runs that were killed: on this machine, with no Snakemake left that works in this directory.

    Jobs of a killed run are waited for: they end by themselves within seconds. Those that do not are named on stderr:
    Snakemake's own handler of SIGTERM can wait for a lock that its process holds.

    Args:
        folder: Snakemake's own, `.snakemake`, in the working directory.
        patience: Seconds to wait for jobs that a killed run has left behind.

    Returns:
        How many locks were removed: 0 where there are none, where the last run was on another machine or is not known,
        or where one is alive.
    """
    locks = list((folder / "locks").glob("*.lock")) if (folder / "locks").is_dir() else []
    if not locks or not _was_here(folder / RECORD):
        return 0
    start, told = time.monotonic(), False
    while left := _working_in(folder.resolve().parent):
        if _main_process_alive(folder / RECORD):
            return 0
        waited = time.monotonic() - start
        if waited > patience:
            print(_still_there(left), file=sys.stderr)
            return 0
        if waited > NEWS_SECONDS and not told:
            print(f"waiting for jobs of a run that was killed, {patience:.0f} s at most", file=sys.stderr)
            told = True
        time.sleep(0.2)
    for lock in locks:
        lock.unlink(missing_ok=True)
    return len(locks)


def _still_there(processes: list[int]) -> str:
    numbers = " ".join(map(str, processes))
    return (
        f"This folder is locked: of a run that was killed, these processes still work in it: {numbers}. "
        f"Wait until they have ended, or end them (kill -9 {numbers}: what is finished stays), and start again."
    )


def _read(record: Path) -> dict[str, object]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _was_here(record: Path) -> bool:
    return _read(record).get("host") == socket.gethostname()


def _main_process_alive(record: Path) -> bool:
    pid = _read(record).get("pid")
    return isinstance(pid, int) and pid != os.getpid() and _is_snakemake(Path(f"/proc/{pid}"))


def _working_in(directory: Path) -> list[int]:
    """Other processes of Snakemake whose working directory this is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            here = (process / "cwd").resolve(strict=True) == directory
        except OSError:
            continue
        if here and _is_snakemake(process):
            found.append(int(process.name))
    return found


def _is_snakemake(process: Path) -> bool:
    """Whether a process is Snakemake or one of its jobs; not, where it is gone."""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # `snakemake ...`, `python snakemake ...`, `python -m snakemake ...`, or a job's script; no argument further on.
    names = [word.decode(errors="replace") for word in words[:3]]
    return any(Path(name).name == "snakemake" or "/.snakemake/scripts/" in name for name in names)
