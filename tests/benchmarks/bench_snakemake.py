"""What Snakemake itself costs for many shards: planning, a run in which jobs do nothing, looking it through again."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
SOURCES = ("Snakefile", "config.yaml", "rules", "workflow", "profiles", "envs", "prompts")
LAYERS = 10


def prepare(root: Path, shards: int) -> None:
    """A project with about this many shards, and a model's folder that holds its number of blocks and nothing else."""
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / name)
    (root / "model").mkdir()
    (root / "model" / "config.json").write_text('{"num_hidden_layers": 30}')
    alphas = [round(0.001 * (number + 1), 6) for number in range(shards // (3 * LAYERS))]
    settings = {
        "model": {"name": "none", "source": "model"},
        "data": {"max_prompts_per_split": 10},
        "experiment": {"layers": list(range(LAYERS)), "alphas": alphas, "output_dir": "results/many"},
        "sanity_checks": {"enabled": False},
    }
    (root / "run.yaml").write_text(yaml.safe_dump(settings))


def call(root: Path, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a call of Snakemake."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent / "plugins")}
    command = [sys.executable, "-m", "snakemake", "--configfile", "run.yaml", "--quiet", "all", *arguments]
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"Snakemake failed: {' '.join(arguments)}\n{said.decode()[-2000:]}")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Print a table, a line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--no-run", action="store_true", help="plan only")
    arguments = parser.parse_args()
    print("| shards | plan (s) | memory (MB) | run of no-ops (s) | memory (MB) | look through (s) | memory (MB) |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for shards in arguments.shards:
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            prepare(root, shards)
            numbers = [*call(root, "--dry-run", "completions")]
            if not arguments.no_run:
                numbers += call(root, "--executor", "noop", "--jobs", "100", "completions")
                numbers += call(root, "--dry-run", "completions")
        print(f"| {shards:,} | " + " | ".join(f"{number:.1f}" for number in numbers) + " |", flush=True)


if __name__ == "__main__":
    main()
