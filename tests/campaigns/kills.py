"""Kill a run at random moments: a plain run afterwards finishes it, to the bytes of an undisturbed one."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow"), str(Path(__file__).parents[1])]

from project import Project  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

ROOT = Path(__file__).parents[2]


def processes(root: Path) -> dict[int, str]:
    """Processes that belong to a run, by what their command line or folder says."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if place.startswith(str(root)) or str(root) in line:
            found[int(entry.name)] = line
    return found


def role_of(line: str) -> str:
    """What a process of a run does."""
    if "generation.worker" in line:
        return "worker"
    if ".snakemake/scripts/" in line:
        return "job"
    return "snakemake" if "snakemake" in line else "other"


def strike(kind: str, process: subprocess.Popen[bytes], root: Path, rng: random.Random) -> str:
    """Do the harm; returns whom it met."""
    if kind in ("SIGINT", "SIGTERM"):
        process.send_signal(getattr(signal, kind))
        return "snakemake"
    if kind == "group":
        for number in processes(root):
            kill(number)
        return "everyone"
    victims = [number for number, line in processes(root).items() if role_of(line) == kind]
    if not victims:
        return "nobody"
    kill(rng.choice(victims))
    return kind


def kill(number: int) -> None:
    """kill -9; somebody who has gone by himself is no matter."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return


def one(
    fresh: Project, expected: dict[str, bytes], root: Path, *, seconds: float, rng: random.Random
) -> tuple[str, list[str]]:
    """Start, kill, run again, compare; returns what was done and every defect."""
    project = fresh.copy(root)
    kind = rng.choice(["snakemake", "job", "worker", "group", "SIGINT", "SIGTERM"])
    moment = rng.uniform(0.5, seconds)
    with project.running("--cores", "2") as (process, _):
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        met = strike(kind, process, root, rng)
        if kind in ("job", "worker"):
            # Snakemake tries again by itself, and may well finish.
            try:
                process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                return f"{kind} at {moment:.1f} s", ["Snakemake hangs after it lost a process"]
        elif kind in ("SIGINT", "SIGTERM"):
            process.wait(timeout=60)
    done = project.shards()
    again = project.snakemake("--cores", "2", timeout=200)
    defects = [] if again.code == 0 else [f"the next run failed: {again.output[-600:]}"]
    defects += project.differences(expected)
    kept = project.shards()
    defects += [f"written again: {name}" for name, fact in done.items() if kept.get(name) != fact][:5]
    time.sleep(1)
    defects += [f"still runs: {line[:100]}" for line in processes(root).values()]
    return f"{kind} ({met}) at {moment:.1f} s, {len(done)} shards kept", defects


def campaign(n: int, *, seed: int, say: Callable[[str], None]) -> int:
    """Print a line per kill and the count at the end; returns how many had a defect."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        fresh = Project.create(place / "fresh", model=write_tiny_model(place / "model"))
        fresh.configure()
        undisturbed = fresh.copy(place / "undisturbed")
        start = time.monotonic()
        run = undisturbed.snakemake("--cores", "2", timeout=300)
        if run.code != 0:
            raise SystemExit(run.output)
        seconds, expected = time.monotonic() - start, undisturbed.made()
        for number in range(n):
            what, defects = one(fresh, expected, place / f"killed_{number}", seconds=seconds, rng=rng)
            counts["defect" if defects else "survived"] += 1
            say(f"{number + 1:>4} {'DEFECT' if defects else 'ok'}  {what}")
            for line in defects:
                say(f"       {line}")
    say(f"{n} kills over {seconds:.0f} s runs: {dict(counts)}")
    return counts["defect"]


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    return int(campaign(arguments.n, seed=arguments.seed, say=lambda line: print(line, flush=True)) > 0)


if __name__ == "__main__":
    sys.exit(main())
