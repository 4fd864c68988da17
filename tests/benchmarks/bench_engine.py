"""How fast the engine is beside what people use today: ratios from one interleaved run.

    python tests/benchmarks/bench_engine.py --model FOLDER --dtype float32 --device cpu --rounds 3

Every contender writes the same prompts under the same interventions for the same number of new tokens, end tokens
ignored, greedy. The table goes to the terminal and to results/benchmarks/engine_{device}_{dtype}.{json,md}.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import contenders
import torch
from steering_reliability.model import load_model
from steering_reliability.prompts.validate import read_prompts


def measure(runs: dict[str, Callable[[], int]], *, rounds: int) -> dict[str, float]:
    """Median tokens a second of each contender, taken in turn."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            tokens = run()
            speeds[name].append(tokens / (time.perf_counter() - start))
            print(f"  {name}: {speeds[name][-1]:.0f} tokens/s", flush=True)
    return {name: statistics.median(values) for name, values in speeds.items()}


def table(speeds: dict[str, float], *, ceiling: float, decode: float) -> str:
    """The ratios as Markdown."""
    engine = speeds["engine"]
    lines = ["| contender | tokens/s | engine is faster by |", "|---|---:|---:|"]
    lines += [f"| {name} | {speed:.0f} | {engine / speed:.1f}x |" for name, speed in speeds.items()]
    lines += [
        f"| engine, steady decode alone | {decode:.0f} | |",
        f"| ceiling: linear layers alone | {ceiling:.0f} | steady decode reaches {decode / ceiling:.2f} of it |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="Hugging Face folder")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--prompts", default="prompts/harm_train.jsonl")
    parser.add_argument("--n_prompts", type=int, default=60)
    parser.add_argument("--n_conditions", type=int, default=4)
    parser.add_argument("--new_tokens", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out_dir", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    prompts = [prompt.prompt for prompt in read_prompts(Path(arguments.prompts), split="harm_train")]
    work = contenders.Work(
        folder=arguments.model,
        prompts=prompts[: arguments.n_prompts],
        n_conditions=arguments.n_conditions,
        new_tokens=arguments.new_tokens,
        device=arguments.device,
        dtype=arguments.dtype,
    )
    model = load_model(work.folder, device=work.device, dtype=work.dtype)
    runs = {"engine": contenders.engine(work)}
    runs["TransformerBridge.generate, batch 8"] = contenders.bridge_generate(work, batch=8, n_conditions=1)
    for batch in (8, 32, 64, 128):
        runs[f"Hugging Face generate, batch {batch}"] = contenders.hf_generate(work, batch=batch, n_conditions=1)
    speeds = measure(runs, rounds=arguments.rounds)
    ceiling = contenders.linear_ceiling(model, width=240)
    decode = contenders.steady_decode(work, width=240)
    text = table(speeds, ceiling=ceiling, decode=decode)
    name = f"engine_{model.device.type}_{str(model.dtype).removeprefix('torch.')}"
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    (arguments.out_dir / f"{name}.md").write_text(text, encoding="utf-8")
    facts = {
        "speeds": speeds,
        "ceiling": ceiling,
        "decode": decode,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
    (arguments.out_dir / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
