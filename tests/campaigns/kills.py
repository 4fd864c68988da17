"""Kill a run at random moments: a plain run afterwards finishes it, to the bytes of an undisturbed one.

`--of model` does so while the embedded model's folder is made, `--of run` (the default) in the whole tiny study.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow"), str(Path(__file__).parents[1])]

from project import CONFIG, Project, differences, kill, processes_in  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402


@dataclass(frozen=True)
class Work:
    """What is killed: Snakemake's arguments, and the folders whose bytes count."""

    arguments: tuple[str, ...]
    config: str
    folders: tuple[str, ...]

    def made(self, project: Project) -> dict[str, bytes]:
        """Bytes of all that it leaves, but for logs and times."""
        # Those of the model lie beside its folder.
        return {name: content for name, content in project.made(*self.folders).items() if not name.endswith(".log")}


KINDS = ("snakemake", "job", "worker", "group", "SIGINT", "SIGTERM")
WORKS = {
    "run": Work(("--cores", "2"), CONFIG, ("results/tiny", "reports/tiny")),
    "model": Work(("--cores", "2", "prepare_model"), "config.yaml", ("results/models",)),
}


def role_of(line: str) -> str:
    """What a process of a run does."""
    if "worker.server" in line:
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
        for number in processes_in(root):
            kill(number)
        return "everyone"
    victims = [number for number, line in processes_in(root).items() if role_of(line) == kind]
    if not victims:
        return "nobody"
    kill(rng.choice(victims))
    return kind


def one(
    work: Work, project: Project, expected: dict[str, bytes], *, kind: str, moment: float, rng: random.Random
) -> tuple[str, list[str]]:
    """Start, kill after `moment` seconds, run again, compare; returns what was done and every defect."""
    root = project.root
    with private_tmp(root) as scratch:
        with project.running(*work.arguments, config=work.config) as (process, run):
            deadline = time.monotonic() + moment
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.02)
            met = strike(kind, process, root, rng)
            # After a lost job or worker Snakemake tries again by itself, and may well finish.
            try:
                process.wait(timeout=120 if kind in ("job", "worker") else 60)
            except subprocess.TimeoutExpired:
                return f"{kind} at {moment:.1f} s", ["Snakemake still runs long after"]
        under_way = sorted({job.rule for job in run.jobs} - {job.rule for job in run.finished})
        reported = {name for job in run.finished for name in run.outputs[job] if "/completions/" in name}
        finished = {name: fact for name, fact in project.files(*work.folders).items() if name in reported}
        defects = go_on(work, project, expected, finished=finished)
        defects += [f"is left: {path.name}" for path in scratch.glob("steering*/*")]
    what = f"{kind} ({met}) at {moment:.1f} s in {', '.join(under_way) or 'no rule'}, {len(finished)} shards finished"
    return what, defects


@contextmanager
def private_tmp(root: Path) -> Iterator[Path]:
    """A folder for temporary files that this run has for itself."""
    before = {name: os.environ.pop(name, None) for name in ("TMPDIR", "XDG_RUNTIME_DIR")}
    folder = root.with_name(f"{root.name}_tmp")
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop("TMPDIR")
        os.environ.update({name: value for name, value in before.items() if value is not None})


def go_on(
    work: Work, project: Project, expected: dict[str, bytes], *, finished: dict[str, tuple[int, bytes]]
) -> list[str]:
    """Run again, plainly; returns every defect of what is there then.

    Shards that Snakemake had not yet seen finish may be written again: it can't know that they are whole.
    """
    again = project.snakemake(*work.arguments, config=work.config, timeout=200)
    defects = [] if again.code == 0 else [f"the next run failed: {again.output[-600:]}"]
    defects += differences(work.made(project), expected)
    kept = project.files(*work.folders)
    defects += [f"written again: {name}" for name, fact in finished.items() if kept.get(name) != fact][:5]
    deadline = time.monotonic() + 10
    while (left := processes_in(project.root)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return defects + [f"still runs: {line[:100]}" for line in left.values()]


def campaign(n: int, *, work: Work, seed: int, say: Callable[[str], None]) -> int:
    """Print a line per kill and the count at the end; returns how many had a defect."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="k-") as scratch:
        place = Path(scratch)
        fresh = Project.create(place / "fresh", model=write_tiny_model(place / "model"))
        fresh.configure()
        undisturbed = fresh.copy(place / "undisturbed")
        start = time.monotonic()
        run = undisturbed.snakemake(*work.arguments, config=work.config, timeout=300)
        if run.code != 0:
            raise SystemExit(run.output)
        seconds, expected = time.monotonic() - start, work.made(undisturbed)
        for number in range(n):
            project = fresh.copy(place / f"{number}")
            kind, moment = rng.choice(KINDS), rng.uniform(0.5, seconds)
            what, defects = one(work, project, expected, kind=kind, moment=moment, rng=rng)
            counts["defect" if defects else "survived"] += 1
            say(f"{number + 1:>4} {'DEFECT' if defects else 'ok'}  {what}")
            for line in defects:
                say(f"       {line}")
            for process in processes_in(project.root):
                kill(process)
            shutil.rmtree(project.root, ignore_errors=True)
    say(f"{n} kills over {seconds:.0f} s runs: {dict(counts)}")
    return counts["defect"]


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--of", choices=sorted(WORKS), default="run")
    arguments = parser.parse_args()
    # A shell that starts this in the background has it ignore SIGINT, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    work, say = WORKS[arguments.of], partial(print, flush=True)
    return int(campaign(arguments.n, work=work, seed=arguments.seed, say=say) > 0)


if __name__ == "__main__":
    sys.exit(main())
