"""Snakemake's locks outlive a `kill -9`; those whose run has surely ended are removed."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from steering_reliability.files import read_json_object, write_text
from steering_reliability.process.system import host_name

RECORD = "steering_run.json"
PATIENCE_SECONDS = 60.0
NEWS_SECONDS = 3.0


def record_run(folder: Path) -> None:
    """Record which process of which machine runs here, so that a later run can tell whether its locks still hold.

    `folder` is Snakemake's own, `.snakemake`.
    """
    write_text(folder / RECORD, json.dumps({"host": host_name(), "pid": os.getpid()}) + "\n")


def release_stale_locks(folder: Path, *, patience: float = PATIENCE_SECONDS) -> int:
    """Remove the locks of runs that were killed: on this machine, with no Snakemake left that works in this directory.

    Jobs of a killed run are waited for: they end by themselves within seconds. Those that do not are named on stderr:
    Snakemake's own handler of SIGTERM can wait for a lock that its process holds.

    `folder` is Snakemake's own, `.snakemake`; jobs are waited for `patience` seconds.

    Returns:
        How many locks were removed: 0 where there are none, where the last run was on another machine or is not known,
        or where one is alive.
    """
    locks = list((folder / "locks").glob("*.lock"))
    record = read_json_object(folder / RECORD)
    if not locks or record.get("host") != host_name():
        return 0
    start, is_announced = time.monotonic(), False
    while left := _working_in(folder, recorded=record.get("pid")):
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


def _working_in(folder: Path, *, recorded: Any) -> list[int]:
    """Other processes of Snakemake, or of its jobs, in the folder's directory; the recorded one wherever it works."""
    # `.snakemake` may be a link to another disk, and another user's working directory can't be read.
    here = {str(folder.absolute().parent), str(folder.resolve().parent)}
    found = []
    for one in psutil.process_iter(["cwd", "cmdline"]):
        works_here = one.info["cwd"] in here or (one.info["cwd"] is None and one.pid == recorded)
        if works_here and one.pid != os.getpid() and _is_snakemake(one.info["cmdline"]):
            found.append(one.pid)
    return found


def _is_snakemake(command: list[str] | None) -> bool:
    # `snakemake ...`, `python snakemake ...`, `python -m snakemake ...`, or a job's script; no argument further on.
    return any(Path(word).name == "snakemake" or "/.snakemake/scripts/" in word for word in (command or [])[:3])
