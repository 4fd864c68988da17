"""Damage each kind of file of a finished run: `verify` names it, nobody sees a traceback, and deleting it mends it."""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow"), str(Path(__file__).parents[1])]

from project import Project  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

KINDS = {
    "prompts": "results/tiny/prompts/benign.jsonl",
    "lengths": "results/tiny/prompts/harm_test_lengths.json",
    "activations": "results/tiny/activations/contrastive_prefix.safetensors",
    "direction": "results/tiny/directions/contrastive_prefix/layer_1.pt",
    "statistics": "results/tiny/directions/contrastive_prefix/layer_1.json",
    "shard": "results/tiny/completions/contrastive_prefix/add/layer_1/alpha_1/seed_0/harm_test.jsonl",
    "results": "results/tiny/results.parquet",
    "table": "results/tiny/tables/summary.csv",
    "figure": "results/tiny/figures/tradeoff.png",
    "provenance": "results/tiny/provenance.json",
    "page": "reports/tiny/index.html",
}


def truncate(path: Path, rng: random.Random) -> None:
    """Keep a beginning."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(1, len(content))])


def flip(path: Path, rng: random.Random) -> None:
    """Turn one bit."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def empty(path: Path, _: random.Random) -> None:
    """Keep the name alone."""
    path.write_bytes(b"")


def folder(path: Path, _: random.Random) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def link(path: Path, _: random.Random) -> None:
    """Put a link to nothing in its place."""
    path.unlink()
    path.symlink_to("nowhere")


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "truncated": truncate, "a bit turned": flip, "emptied": empty, "a folder": folder, "a dangling link": link,
}  # fmt: skip


def verify(project: Project) -> str:
    """What `steering-reliability verify` says."""
    command = [sys.executable, "-m", "steering_reliability", "verify", "--config", "run.yaml"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(project.root / "workflow")}
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def remove(path: Path) -> None:
    """Delete whatever is in a file's place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def one(finished: Project, root: Path, *, path: str, damage: str, rng: random.Random) -> tuple[str, list[str]]:
    """Damage a file, look, run, mend; returns what the run did of itself, and every defect."""
    expected = finished.files("results/tiny/completions", "results/tiny/tables", "results/tiny/directions")
    project = finished.copy(root)
    DAMAGES[damage](project.root / path, rng)
    defects = [] if path in verify(project) else ["verify does not name it"]
    run = project.snakemake("--cores", "2", timeout=200)
    said = run.output
    if "Traceback (most recent call last)" in said and "to do:" not in said:
        defects.append("a traceback and no message")
    of_itself = "refused" if run.code else "remade" if run.jobs else "left for verify"
    remove(project.root / path)
    # As verify advises.
    for asked in ([path], []):
        mended = project.snakemake("--cores", "2", *asked, timeout=200)
        if mended.code != 0:
            defects.append(f"deleting it does not mend the run: {mended.output[-300:]}")
    now = project.files("results/tiny/completions", "results/tiny/tables", "results/tiny/directions")
    defects += [f"differs: {name}" for name in expected if now.get(name, (0, b""))[1] != expected[name][1]][:3]
    if "changed" in verify(project) or "missing" in verify(project):
        defects.append("verify still finds something")
    shutil.rmtree(root)
    return of_itself, defects


def main() -> int:
    """Print a line per damaged file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damages", nargs="+", choices=list(DAMAGES), default=list(DAMAGES))
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, worst, tried = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        finished = Project.create(place / "finished", model=write_tiny_model(place / "model"))
        finished.configure()
        run = finished.snakemake("--cores", "2", timeout=300)
        if run.code != 0:
            raise SystemExit(run.output)
        for kind in arguments.kinds:
            for damage in arguments.damages:
                did, defects = one(finished, place / "damaged", path=KINDS[kind], damage=damage, rng=rng)
                tried, worst = tried + 1, worst + bool(defects)
                print(f"{'DEFECT' if defects else 'ok':<7}{kind:<12}{damage:<16}{did}", flush=True)
                for line in defects:
                    print(f"       {line}", flush=True)
    print(f"{tried} damaged files, {worst} with a defect")
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
