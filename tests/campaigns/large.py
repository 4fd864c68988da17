"""Long and large: 3,000 shards through one worker, prompts of 8,000 tokens, 10,000 prompts, only empty completions.

Memory must be flat and time linear: the exponent of time in size is printed, between the two sizes of each row.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests"), str(ROOT / "tests/benchmarks")]

import psutil  # noqa: E402
from bench_aggregate import write_run  # noqa: E402
from steering_reliability.evidence.summary import summarise  # noqa: E402
from steering_reliability.generation.requests import CompletionRequest  # noqa: E402
from steering_reliability.model.loading import load_tokenizer  # noqa: E402
from steering_reliability.model.prompt_lengths import measure_lengths  # noqa: E402
from steering_reliability.prompts.reading import read_prompts  # noqa: E402
from steering_reliability.prompts.schema import write_prompts  # noqa: E402
from steering_reliability.results.aggregate import aggregate  # noqa: E402
from steering_reliability.results.schema import read_results  # noqa: E402
from steering_reliability.worker.client import request_completions, stop_workers  # noqa: E402
from steering_reliability.worker.protocol import WorkerIdentity  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

TEMPLATES = {"system_prompt": None, "chat_template": "auto", "prompt_template": None}
ASKED = CompletionRequest(
    prompts=(), seed=0, samples=1, max_new_tokens=4, temperature=0.7, top_p=0.95, positions="after_prompt"
)


def resident_mb(pid: int) -> int:
    """Memory that a process holds, MB."""
    found: int = psutil.Process(pid).memory_info().rss
    return found // 1_000_000


def of_worker(identity: WorkerIdentity) -> int:
    """The worker's process."""
    return int(identity.socket_path().with_suffix(".pid").read_text().split()[0])


def many_shards(place: Path, *, sizes: tuple[int, ...]) -> list[tuple[int, float, int]]:
    """Requests of two prompts each, five at a time, through one worker; its memory after each size."""
    folder = write_tiny_model(place / "model")
    identity = WorkerIdentity(str(folder), "cpu", "float32", "resid_post", 32, 512, os.getpid(), "large")
    found = []
    try:
        ask(identity, 50, place)
        for n in sizes:
            start = time.monotonic()
            ask(identity, n, place)
            found.append((n, time.monotonic() - start, resident_mb(of_worker(identity))))
    finally:
        stop_workers(os.getpid())
    return found


def ask(identity: WorkerIdentity, n: int, place: Path) -> None:
    """Send requests, five at a time, as the clients of a run do."""

    def one(number: int) -> None:
        prompts = [[f"{number}_{at}", f"How do I do thing {number} in {at} steps?"] for at in range(2)]
        request_completions(replace(ASKED, prompts=prompts), worker=identity, log=place / "worker.log")

    with ThreadPoolExecutor(5) as clients:
        list(clients.map(one, range(n)))


def long_prompts(place: Path, *, sizes: tuple[int, ...], model: Path) -> list[tuple[int, float, int]]:
    """One prompt of so many tokens, read by the embedded model within the default memory."""
    identity = WorkerIdentity(str(model), "cpu", "auto", "resid_post", 240, 3072, os.getpid(), "long")
    tokenizer, found = load_tokenizer(model), []
    try:
        for n in sizes:
            text = tokenizer.decode(tokenizer("water and " * n)["input_ids"][: n - 60])
            start = time.monotonic()
            request_completions(replace(ASKED, prompts=[("a", text)]), worker=identity, log=place / "worker.log")
            found.append((n, time.monotonic() - start, resident_mb(of_worker(identity))))
    finally:
        stop_workers(os.getpid())
    return found


def many_prompts(place: Path, *, sizes: tuple[int, ...]) -> list[tuple[int, float, int]]:
    """So many prompts of a split, checked, prepared, and counted in tokens."""
    tokenizer, found = load_tokenizer(write_tiny_model(place / "model")), []
    for n in sizes:
        path = place / f"{n}.jsonl"
        lines = (
            {"id": f"p{at}", "prompt": f"Question {at}?", "meta": {"family": "f", "style": "s"}} for at in range(n)
        )
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        start = time.monotonic()
        prompts = read_prompts(path, split="benign")
        write_prompts(prompts, path=place / "prepared.jsonl")
        settings = {"max_new_tokens": 4, "openings": ["I'm sorry"], "templates": TEMPLATES}
        measure_lengths(prompts, tokenizer=tokenizer, context=512, **settings)
        found.append((n, time.monotonic() - start, resident_mb(os.getpid())))
    return found


def empty_completions(place: Path, *, sizes: tuple[int, ...]) -> list[tuple[int, float, int]]:
    """Every completion of so many rows is empty; they are scored, gathered and summarised."""
    found = []
    for n in sizes:
        folder = place / str(n)
        folder.mkdir()
        inputs = write_run(folder, conditions=5, rows=n // 18)
        for path in [*folder.glob("baseline_*.jsonl"), *folder.glob("[0-9]*_*.jsonl")]:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            emptied = [row | {"completion": "", "n_tokens": 0, "finish_reason": "eos"} for row in rows]
            path.write_text("".join(json.dumps(row) + "\n" for row in emptied), encoding="utf-8")
        start = time.monotonic()
        aggregate(inputs.pop("conditions"), **inputs)
        summary = summarise(read_results(inputs["output"]))
        found.append((n, time.monotonic() - start, resident_mb(os.getpid())))
        if summary["refusal_harm_test"].max() != 0:
            raise SystemExit("an empty completion counts as a refusal")
    return found


def main() -> int:
    """Print a row per kind of size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of the embedded model, for the long prompts")
    parser.add_argument("--small", action="store_true", help="a hundredth of the sizes")
    arguments = parser.parse_args()
    part = 100 if arguments.small else 1
    kinds: dict[str, Callable[[Path], list[tuple[int, float, int]]]] = {
        "shards through one worker": lambda place: many_shards(place, sizes=(600 // part, 3000 // part)),
        "prompts of a split": lambda place: many_prompts(place, sizes=(2000 // part, 10_000 // part)),
        "rows of empty completions": lambda place: empty_completions(place, sizes=(18_000 // part, 90_000 // part)),
    }
    if arguments.model:
        long = (2000, 8000) if part == 1 else (200, 800)
        kinds["tokens of a prompt"] = lambda place: long_prompts(place, sizes=long, model=arguments.model)
    print("| size | of what | seconds | MB held | time grows as size^ |\n|---:|---|---:|---:|---:|")
    for what, measure in kinds.items():
        with tempfile.TemporaryDirectory(prefix="sr-") as scratch:
            (n, first, before), (m, last, after) = measure(Path(scratch))
        exponent = math.log(last / first) / math.log(m / n)
        print(f"| {n} | {what} | {first:.1f} | {before} | |\n| {m} | {what} | {last:.1f} | {after} | {exponent:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
