"""A lock of a run's folder: Snakemake removes its own locks, of all runs of a directory, when any of them ends."""

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from steering_reliability.errors import InputError
from steering_reliability.files import write_text
from steering_reliability.process.system import host_name, start_of

LOCK = ".running.json"


def hold_run(folder: Path) -> None:
    """Lock a run's folder for this process, and make it if need be; the lock of a process that has ended is taken over.

    Raises:
        InputError: When another process holds it; names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, candidate = folder / LOCK, folder / f"{LOCK}.{os.getpid()}"
    begun = datetime.now().astimezone().isoformat(" ", "seconds")
    write_text(candidate, json.dumps({**_this_process(), "begun": begun}) + "\n")
    try:
        while not _link(candidate, lock):
            holder = _read(lock)
            if holder is not None and _this_process().items() <= holder.items():
                return
            if holder is not None:
                _check_has_ended(holder, lock)
                _remove_stale(lock, holder)
    finally:
        candidate.unlink()


def release_run(folder: Path) -> None:
    """Unlock a run's folder, if this process holds it."""
    lock = folder / LOCK
    if _this_process().items() <= (_read(lock) or {}).items():
        lock.unlink(missing_ok=True)


def _link(candidate: Path, lock: Path) -> bool:
    """Put a file in the lock's place; of two that do it at once one succeeds."""
    try:
        os.link(candidate, lock)
    except FileExistsError:
        return False
    except OSError:
        # No hard links here (exFAT, many file systems of a network or a drive in the cloud).
        try:
            with lock.open("x", encoding="utf-8") as file:
                file.write(candidate.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def _check_has_ended(holder: dict[str, Any], lock: Path) -> None:
    host, pid = holder.get("host"), holder.get("pid")
    if host != host_name():
        raise InputError(
            f"a run on {host} (process {pid}, started {holder.get('begun')}) is writing to this folder",
            where=str(lock.parent),
            fix=f"wait until it has ended; if it no longer runs, delete {lock}",
        )
    if isinstance(pid, int) and start_of(pid) is not None and start_of(pid) == holder.get("ticks"):
        raise InputError(
            f"another Snakemake (process {pid}, started {holder.get('begun')}) is writing to this folder",
            where=str(lock.parent),
            fix="wait until it has ended, or give this run an experiment.output_dir of its own",
        )


def _remove_stale(lock: Path, holder: dict[str, Any]) -> None:
    # Renamed first: of two that see the same stale lock one removes it, and not the other's new one.
    stale = lock.with_name(f"{LOCK}.stale.{os.getpid()}")
    with suppress(FileNotFoundError):
        lock.rename(stale)
        if _read(stale) != holder:
            stale.rename(lock)
        stale.unlink(missing_ok=True)


def _this_process() -> dict[str, Any]:
    return {"host": host_name(), "pid": os.getpid(), "ticks": start_of(os.getpid())}


def _read(lock: Path) -> dict[str, Any] | None:
    """The holder of the lock; None where there is none, this host alone where the lock is damaged.

    Raises:
        InputError: When it is another user's, who let nobody read it.
    """
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError:
        what = "the lock of this folder is another user's and can't be read"
        raise InputError(what, where=str(lock), fix="ask them, or delete it if their run is over") from None
    except (OSError, ValueError):
        found = None
    return found if isinstance(found, dict) else {"host": host_name()}
