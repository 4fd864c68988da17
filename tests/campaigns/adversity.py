"""A full disk, a quota, no permission, the clock set back, two runs or two users at once: a clear word, or waiting."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow"), str(Path(__file__).parents[1])]

from project import SMALL, Project  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

NOBODY = 65534
Expected = dict[str, bytes]
Defects = Iterator[str]


def run(project: Project, *, before: tuple[str, ...] = (), then: tuple[str, ...] = ()) -> "tuple[int, str]":
    """Run the study as a user would; returns the exit code and all that was said."""
    process = start(project, before=before, then=then)
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def start(project: Project, *, before: tuple[str, ...] = (), then: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Start a run, behind a command that changes what it may do."""
    command = [*before, sys.executable, "-m", "snakemake", "--configfile", "run.yaml", "--nocolor", "--cores", "2"]
    command += then
    return subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finishes(project: Project, expected: Expected) -> Defects:
    """Complain unless one plain run finishes with the bytes of an undisturbed one."""
    code, said = run(project)
    if code != 0:
        yield f"the next run failed: {said[-600:]}"
    yield from project.differences(expected)


def says(said: str, *words: str) -> Defects:
    """Complain unless one of the words was said."""
    if not any(word in said for word in words):
        yield f"does not say what is wrong: {said[-600:]}"


@contextmanager
def disk(place: Path, *, kib: int) -> Iterator[Callable[[str], None]]:
    """Mount a small disk; yields what changes its options."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(place)], check=True)
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True) and None
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def size_kib(project: Project) -> int:
    """What a project takes on a disk with pages of 4 KiB."""
    return sum(
        (path.lstat().st_size + 4095) // 4096 * 4 + 4 for path in project.root.rglob("*") if not path.is_symlink()
    )


def full_disk(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """The disk fills up at a random moment; then it is made larger."""
    least, most = size_kib(fresh) + 200, size_kib(finished)
    with disk(place, kib=most * 2) as change:
        project = fresh.copy(place / "project")
        change(f"size={rng.randrange(least, most)}k")
        code, said = run(project)
        if code != 0:
            yield from says(said, "No space left on device")
        change(f"size={most * 2}k")
        yield from finishes(project, finished.made())


def read_only(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """All of the project, or one of its folders, is on a disk that can't be written."""
    project = fresh.copy(place)
    taken = rng.choice(["results", "reports", ".snakemake", "results/tiny/completions", "results/tiny/tables"])
    (project.root / taken).parent.mkdir(parents=True, exist_ok=True)
    with disk(project.root / taken, kib=64) as change:
        change("ro")
        code, said = run(project)
        if code == 0:
            yield f"{taken}: it was written nevertheless"
        yield from says(said, "Read-only file system")
    yield from finishes(project, finished.made())


def quota(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """No file may be larger than a quota allows (`ulimit -f`, blocks of 1 KiB)."""
    project = fresh.copy(place)
    code, said = run(project, before=("bash", "-c", f'ulimit -f {rng.randrange(1, 60)}; exec "$@"', "bash"))
    if code != 0:
        yield from says(said, "File too large", "SIGXFSZ", "died", "ended before")
    yield from finishes(project, finished.made())


def no_permission(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """The results, the reports or Snakemake's folder belong to somebody else."""
    project = fresh.copy(place)
    taken = project.root / rng.choice(["results", "reports", ".snakemake", "results/tiny/completions"])
    hand_over(project)
    while not taken.exists():
        taken.mkdir(parents=True)
    os.chown(taken, 0, 0)
    taken.chmod(0o755)
    code, said = run(project, before=as_nobody())
    if code == 0:
        yield f"{taken.name}: it was written nevertheless"
    yield from says(said, "Permission denied")
    hand_over(project)
    code, said = run(project, before=as_nobody())
    if code != 0:
        yield f"{taken.name}: the next run failed: {said[-600:]}"
    if project.made() != finished.made():
        yield f"{taken.name}: other bytes"


def as_nobody() -> tuple[str, ...]:
    """What makes a command the user nobody's."""
    return ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def may_run_python() -> bool:
    """Whether the user nobody can start this Python: not where it lies in somebody's closed home."""
    command = [*as_nobody(), "sh", "-c", f"'{sys.executable}' -c 'import torch'"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def hand_over(project: Project) -> None:
    """Give a project to the user nobody."""
    for path in (project.root, *project.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def clock(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """Everything was written in what is now the future; then a file is lost."""
    del fresh
    project = finished.copy(place)
    later = rng.choice([3600, 86400 * 400])
    turn(project, seconds=later)
    code, said = run(project)
    if code != 0 or "Nothing to be done" not in said:
        yield f"files of the future are made again: {said[-600:]}"
    lost = rng.choice(sorted(path for path in project.made() if path.endswith((".jsonl", ".parquet", ".csv", ".pt"))))
    (project.root / lost).unlink()
    # By name, as `verify` advises: Snakemake does not miss a file whose consumers are all there.
    code, said = run(project, then=(lost,))
    if code != 0:
        yield from says(said, "clock skew")
        turn(project, seconds=-later)
        run(project, then=(lost,))
    yield from finishes(project, finished.made())
    code, said = run(project, then=("--dry-run",))
    if "Nothing to be done" not in said:
        yield f"after {lost} was lost there is no end: {said[-600:]}"


def turn(project: Project, *, seconds: float) -> None:
    """Make every file younger, as if it had been written by a clock ahead of ours."""
    for path in (project.root, *project.root.rglob("*")):
        facts = path.lstat()
        os.utime(path, (facts.st_atime + seconds, facts.st_mtime + seconds), follow_symlinks=False)


def at_once(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """Two runs are started in one directory, the second at a random moment."""
    project = fresh.copy(place)
    first = start(project)
    time.sleep(rng.uniform(0, 12))
    code, said = run(project)
    told, _ = first.communicate(timeout=300)
    codes = {code, first.returncode}
    if codes == {0} and "Nothing to be done" not in said:
        yield "both ran"
    if 0 not in codes:
        yield f"both failed: {said[-300:]} and {told[-300:]}"
    if code != 0:
        yield from says(said, "locked", "lock")
    yield from finishes(project, finished.made())


def two_users(fresh: Project, finished: Project, place: Path, rng: random.Random) -> Defects:
    """Two users run the same study at the same time on one machine."""
    place.mkdir()
    ours, theirs = fresh.copy(place / "ours"), fresh.copy(place / "theirs")
    hand_over(theirs)
    first = start(theirs, before=as_nobody())
    time.sleep(rng.uniform(0, 5))
    yield from finishes(ours, finished.made())
    said, _ = first.communicate(timeout=300)
    if first.returncode != 0:
        yield f"the other user's run failed: {said[-600:]}"
    if theirs.made() != finished.made():
        yield "the other user's run has other bytes"


SCENARIOS: dict[str, Callable[[Project, Project, Path, random.Random], Defects]] = {
    "full_disk": full_disk, "read_only": read_only, "quota": quota, "no_permission": no_permission, "clock": clock,
    "at_once": at_once, "two_users": two_users,
}  # fmt: skip


def main() -> int:
    """Print a line per scenario and turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", nargs="+", choices=list(SCENARIOS), default=list(SCENARIOS))
    parser.add_argument("--n", type=int, default=5, help="turns of each")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if os.getuid() != 0:
        print("only root can mount a small disk and be two users: nothing was tried")
        return 2
    rng, tried, worst = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        place.chmod(0o755)
        fresh = Project.create(place / "fresh", model=write_tiny_model(place / "model"))
        fresh.configure(SMALL)
        finished = fresh.copy(place / "finished")
        code, said = run(finished)
        if code != 0:
            raise SystemExit(said)
        needs = {"no_permission", "two_users"} if not may_run_python() else set()
        for name in [name for name in arguments.scenarios if name not in needs]:
            for turn in range(arguments.n):
                defects = list(SCENARIOS[name](fresh, finished, place / f"{name}_{turn}", rng))
                tried, worst = tried + 1, worst + bool(defects)
                print(f"{'DEFECT' if defects else 'ok':<7}{name:<14}{turn}", flush=True)
                for line in defects:
                    print("       " + line.replace("\n", "\n       "), flush=True)
        for name in needs.intersection(arguments.scenarios):
            print(f"not tried: {name}, since another user may not start {sys.executable}")
    print(f"{tried} tried, {worst} with a defect")
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
