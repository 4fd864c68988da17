"""How long `aggregate` takes and how much memory, on made-up shards; the time must grow in line with the rows.

python tests/benchmarks/bench_aggregate.py --shards 1000 10000 --rows 100
"""

import argparse
import json
import math
import random
import resource  # noqa: TID251 - nothing else knows the peak; its unit is seen to
import tempfile
import time
from pathlib import Path
from typing import Any

from steering_reliability.process.system import is_mac
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.results.aggregate import aggregate

WORDS = ["I'm", "sorry", "but", "can't", "help", "with", "that", "sure", "here", "is", "how", "first", "take", "the"]


def main() -> None:
    """Run each size in turn and print the exponent of the time between the first and the last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, nargs="+", default=[300, 3000], help="multiples of 3, one per split")
    parser.add_argument("--rows", type=int, default=100, help="rows of a shard")
    arguments = parser.parse_args()
    times = []
    print("| shards | rows | seconds | peak MiB |\n|---:|---:|---:|---:|")
    for n in arguments.shards:
        with tempfile.TemporaryDirectory() as folder:
            inputs = write_run(Path(folder), conditions=n // 3, rows=arguments.rows)
            start = time.perf_counter()
            aggregate(inputs.pop("conditions"), **inputs)
            times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << 20 if is_mac() else 1 << 10)
        print(f"| {n} | {n * arguments.rows} | {times[-1]:.1f} | {peak} |", flush=True)
    if len(times) > 1:
        exponent = math.log(times[-1] / times[0]) / math.log(arguments.shards[-1] / arguments.shards[0])
        print(f"\nThe time grows as rows^{exponent:.2f}.")


def write_run(folder: Path, *, conditions: int, rows: int) -> dict[str, Any]:
    """Write shards of random words and return what `aggregate` is called with."""
    chance = random.Random(0)
    prompts, baseline = {}, {}
    for split in SPLITS:
        prompts[split] = folder / f"{split}.jsonl"
        lines = [_prompt(split, at) for at in range(rows)]
        prompts[split].write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        baseline[split] = _shard(folder / f"baseline_{split}.jsonl", split, rows, chance, alpha=0.0)
    planned = []
    for number in range(conditions):
        place = {"direction": "v", "intervention": "add", "layer": "3", "alpha": (number + 1) / 1000}
        shards = {split: _shard(folder / f"{number}_{split}.jsonl", split, rows, chance, **place) for split in SPLITS}
        planned.append(
            {"role": "main", "seed": 0, "coefficient": 1.0, "relative_strength": 0.02, "shards": shards} | place
        )
    output = folder / "results.parquet"
    return {"conditions": planned, "baseline": {0: baseline}, "prompts": prompts, "output": output} | {
        "baseline_log_dir": folder / "runs"
    }


def _prompt(split: str, at: int) -> dict[str, Any]:
    return {
        "id": f"{split}_{at}",
        "prompt": f"{split}: how does one do thing {at}?",
        "meta": {"family": "f", "style": "s"},
    }


def _shard(path: Path, split: str, rows: int, chance: random.Random, **place: Any) -> Path:
    condition = {"direction": None, "intervention": None, "layer": None, "alpha": 0.0, "seed": 0} | place
    with path.open("w", encoding="utf-8") as file:
        for at in range(rows):
            prompt = _prompt(split, at)
            row = {"id": prompt["id"], "split": split, "sample": 0, "prompt": prompt["prompt"], "n_tokens": 30}
            row |= {"completion": " ".join(chance.choices(WORDS, k=30)), "finish_reason": "length", **condition}
            row |= dict.fromkeys(("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob"), -1.0)
            file.write(json.dumps(row | {"refusal_propensity": -2.0}) + "\n")
    return path


if __name__ == "__main__":
    main()
