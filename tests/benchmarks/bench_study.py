"""The completions stage as a user runs it, beside a plain script that delivers the same columns, and its ceiling.

    python tests/benchmarks/bench_study.py --per_split 40 --rounds 3

Each round runs the stage of the default config through Snakemake (with its start, its workers' start and its controls),
then a part of the same rows with Hugging Face `generate` and hooks, then the linear layers alone. The table goes to the
terminal and to results/benchmarks/study_{dtype}.{json,md}.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_snakemake
import contenders
import plain_script
import torch
import yaml
from steering_reliability.model.loading import choose_dtype, load_model
from steering_reliability.worker.client import SETTINGS

ROOT = Path(__file__).parents[2]
RUN = "results/bench"
# What the scan of the default run chose: the stage begins behind it.
CHOSEN = {"layers": [16, 20, 22], "alphas": {"add": [0.76, 1.1]}}


def prepare(root: Path, *, per_split: int, dtype: str) -> None:
    """A project with the default config, its prompts, and the prepared model."""
    for name in bench_snakemake.SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, root / name)
    (root / "results").mkdir()
    (root / "results/models").symlink_to(ROOT / "results/models")
    settings = {
        "data": {"max_prompts_per_split": per_split},
        "model": {"dtype": dtype},
        "experiment": CHOSEN | {"output_dir": RUN},
        "report": {"output_dir": "reports/bench"},
    }
    (root / "bench.yaml").write_text(yaml.safe_dump(settings))


def snakemake(root: Path, *targets: str) -> float:
    """Seconds that Snakemake takes for targets."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--configfile", "bench.yaml", *targets]
    environment = os.environ | {"PYTHONPATH": str(root / "workflow")}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - start


def counted(run: Path) -> dict[str, int]:
    """Tokens that the stage wrote, that the unsteered model scored, and that were read as prompts, each prompt once."""
    rows = [json.loads(line) for path in run.glob("completions/**/*.jsonl") for line in path.open(encoding="utf-8")]
    scored = [row for row in rows if row["base_logprob"] is not None and row["base_logprob"] != row["mean_logprob"]]
    lengths = [json.loads(path.read_text(encoding="utf-8")) for path in run.glob("prompts/*_lengths.json")]
    return {
        "rows": len(rows),
        "written": sum(row["n_tokens"] for row in rows),
        "scored": sum(row["n_tokens"] for row in scored),
        "read": sum(round(one["n_prompts"] * one["median_tokens"]) for one in lengths),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per_split", type=int, default=120)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64, help="of the plain script")
    parser.add_argument("--batches", type=int, default=1, help="that the plain script writes, each steered")
    parser.add_argument("--out_dir", type=Path, default=ROOT / "results/benchmarks")
    chosen = parser.parse_args()
    if "GOMP_SPINCOUNT" not in os.environ:
        # The C libraries read them at their start.
        os.execve(sys.executable, [sys.executable, *sys.argv], SETTINGS | os.environ)
    with tempfile.TemporaryDirectory(prefix="study-") as scratch:
        root = Path(scratch)
        prepare(root, per_split=chosen.per_split, dtype=chosen.dtype)
        snakemake(root, "directions")
        folder = next(path for path in (ROOT / "results/models").glob("*/config.json") if "refusal" not in str(path))
        model = load_model(folder.parent, device="cpu", dtype=chosen.dtype)
        prompts = [
            json.loads(line)["prompt"]
            for line in (root / RUN / "prompts/harm_test.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        texts = (prompts * (1 + chosen.batch // len(prompts)))[: chosen.batch]
        script = plain_script.PlainScript(folder.parent, dtype=choose_dtype(chosen.dtype, device=torch.device("cpu")))
        rounds = []
        for number in range(chosen.rounds):
            shutil.rmtree(root / RUN / "completions", ignore_errors=True)
            seconds = snakemake(root, "completions")
            tokens = counted(root / RUN)
            start = time.perf_counter()
            written = sum(
                script.write(texts, layer=16, strength=50.0, new_tokens=40, seed=seed) for seed in range(chosen.batches)
            )
            plain = written / (time.perf_counter() - start)
            linear = contenders.linear_ceiling(model, width=240)
            stage = tokens["written"] / seconds
            ceiling = (tokens["written"] + tokens["scored"] + tokens["read"]) / linear / seconds
            rounds.append({"stage": stage, "plain": plain, "ratio": stage / plain, "ceiling": ceiling} | tokens)
            print(f"  round {number + 1}: {seconds:.0f} s, {rounds[-1]}", flush=True)
    write(rounds, name=f"study_{chosen.dtype}", out_dir=chosen.out_dir, batch=chosen.batch)


def write(rounds: list[dict[str, float]], *, name: str, out_dir: Path, batch: int) -> None:
    """The medians as a table."""
    median = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    table = "\n".join(
        [
            "| measure | value |",
            "|---|---:|",
            f"| completions stage, tokens written per second | {median['stage']:.0f} |",
            f"| plain script over Hugging Face, same columns, batch {batch} | {median['plain']:.0f} |",
            f"| stage beside the plain script | {median['ratio']:.2f}x |",
            f"| share of the ceiling: linear layers alone, tokens written, scored and read | {median['ceiling']:.2f} |",
        ]
    )
    out_dir.mkdir(parents=True, exist_ok=True)
    (out_dir / f"{name}.md").write_text(table + "\n", encoding="utf-8")
    (out_dir / f"{name}.json").write_text(json.dumps(rounds, indent=2) + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
