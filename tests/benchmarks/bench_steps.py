"""What a decode step costs the host, whatever the device: CPU time and dispatched operations.

    python tests/benchmarks/bench_steps.py

The model is the tests' tiny one with three blocks, so that arithmetic is next to nothing; every row is steered, at the
second. The table goes to the terminal and to results/benchmarks/steps.md.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).parents[1]))

from some_rows import make_row
from steering_reliability.generation.engine import Engine
from steering_reliability.model.loading import LoadedModel, load_model
from tiny_model import write_tiny_model

PROMPT = "How do I pick a lock?"
ROWS = (8, 64, 240)
SAMPLING: dict[str, dict[str, float]] = {"greedy": {}, "sampled": {"temperature": 0.8, "top_p": 0.95}}


class Operations(TorchDispatchMode):
    """Counts what reaches the dispatcher, as a GPU's launches would be counted."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[function._schema.name] += 1
        return function(*args, **(kwargs or {}))


def decoding(model: LoadedModel, *, n: int, sampling: dict[str, float], steps: int) -> Engine:
    """An engine in which n steered rows are written and none will end within some steps."""
    engine = Engine(model, hook_point="resid_post", max_rows=n)
    rows = [make_row(model, PROMPT, new_tokens=steps + 16, layer=1, add=1.0, **sampling) for _ in range(n)]
    engine.submit(rows)
    while len(engine.batch.live) < n or not all(slot.is_written for slot in engine.batch.live):
        engine.step()
    return engine


def measure(model: LoadedModel, *, n: int, sampling: dict[str, float], steps: int) -> tuple[float, int]:
    """Median CPU milliseconds and dispatched operations of a step."""
    engine = decoding(model, n=n, sampling=sampling, steps=steps + 1)
    took = []
    for _ in range(steps):
        start = time.process_time()
        engine.step()
        took.append(1000 * (time.process_time() - start))
    with Operations() as operations:
        engine.step()
    assert len(engine.batch.live) == n, "rows ended while they were measured"
    return statistics.median(took), operations.found.total()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out_dir", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| rows | sampling | CPU ms per step | operations per step |", "|---:|---|---:|---:|"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_tiny_model(Path(scratch))
        # Nothing may end early.
        model = replace(load_model(folder, device="cpu", dtype="float32"), end_tokens=frozenset())
        for name, sampling in SAMPLING.items():
            for n in ROWS:
                took, operations = measure(model, n=n, sampling=sampling, steps=arguments.steps)
                lines.append(f"| {n} | {name} | {took:.1f} | {operations} |")
                print(lines[-1], flush=True)
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    (arguments.out_dir / "steps.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
