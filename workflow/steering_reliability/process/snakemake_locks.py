"""Snakemake's locks outlive a `kill -9`; those whose run has surely ended are removed."""

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from steering_reliability.files import write_text

RECORD = "steering_run.json"
PATIENCE_SECONDS = 60.0
NEWS_SECONDS = 3.0


def record_run(folder: Path) -> None:
    """Record which process of which machine runs here, so that a later run can tell whether its locks still hold.

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
    locks = list((folder / "locks").glob("*.lock"))
    record = _read(folder / RECORD)
    if not locks or record.get("host") != socket.gethostname():
        return 0
    start, is_announced = time.monotonic(), False
    while left := _working_in(folder.resolve().parent):
        if record.get("pid") in left:
            return 0
        waited = time.monotonic() - start
        if waited > patience:
            pids = " ".join(map(str, left))
            print(
                f"This folder is locked: these processes of a killed run are still working in it: {pids}. Wait until "
                f"they have ended, or end them (kill -9 {pids}; finished files are kept), and start again.",
                file=sys.stderr,
            )
            return 0
        if waited > NEWS_SECONDS and not is_announced:
            print(f"waiting for the jobs of a killed run, at most {patience:.0f} s", file=sys.stderr)
            is_announced = True
        time.sleep(0.2)
    for lock in locks:
        lock.unlink(missing_ok=True)
    return len(locks)


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _working_in(directory: Path) -> list[int]:
    """Other processes of Snakemake, or of its jobs, whose working directory this is."""
    here = [one for one in psutil.process_iter(["cwd", "cmdline"]) if one.info["cwd"] == str(directory)]
    return [one.pid for one in here if one.pid != os.getpid() and _is_snakemake(one.info["cmdline"])]


def _is_snakemake(command: list[str] | None) -> bool:
    # `snakemake ...`, `python snakemake ...`, `python -m snakemake ...`, or a job's script; no argument further on.
    return any(Path(word).name == "snakemake" or "/.snakemake/scripts/" in word for word in (command or [])[:3])
