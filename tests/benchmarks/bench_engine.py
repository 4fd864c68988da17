"""How fast the engine is beside what people use today: ratios from one interleaved run.

    python tests/benchmarks/bench_engine.py --model FOLDER --dtype float32 --device cpu --rounds 3

Every contender writes prompts of the same three splits under the same kind of intervention for the same number of new
tokens, greedy. The engine's number includes reading each prompt anew, and its completions may end early; the others run
on through end tokens. Its second line also scores every completion under the unsteered model, as a run does and the
others don't. All have the memory and thread settings of a worker. The table goes to the terminal and to
results/benchmarks/engine_{device}_{dtype}.{json,md}.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import contenders
import torch
from steering_reliability.model.loading import load_model
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.worker.client import SETTINGS


def measure(runs: dict[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Median tokens a second of each contender, taken in turn."""
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            speeds[name].append(run())
            print(f"  round {number + 1}, {name}: {speeds[name][-1]:.0f} tokens/s", flush=True)
    return {name: statistics.median(values) for name, values in speeds.items()}


def table(speeds: dict[str, float]) -> str:
    """The ratios as Markdown."""
    lines = ["| contender | tokens/s | engine is faster by |", "|---|---:|---:|"]
    lines += [f"| {name} | {speed:.0f} | {speeds['engine'] / speed:.2f}x |" for name, speed in speeds.items()]
    share = speeds["engine, steady decode"] / speeds["ceiling: linear layers alone"]
    return "\n".join(lines) + f"\n\nSteady decode reaches {share:.2f} of the ceiling.\n"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="Hugging Face folder")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--prompts", default="prompts", help="folder of the three prompt files")
    parser.add_argument("--per_split", type=int, default=43, help="prompts of each split (43: a full batch of 128)")
    parser.add_argument("--n_conditions", type=int, default=6, help="conditions that the engine writes")
    parser.add_argument("--new_tokens", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 32, 64, 128], help="batches of Hugging Face")
    parser.add_argument("--peers", help="Python of the venv that holds pyvene (make bench-peers)")
    parser.add_argument("--out_dir", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    if "GOMP_SPINCOUNT" not in os.environ:
        # The C libraries read them at their start.
        os.execve(sys.executable, [sys.executable, *sys.argv], SETTINGS | os.environ)
    work = contenders.Work(
        folder=arguments.model,
        prompts=_prompts(Path(arguments.prompts), per_split=arguments.per_split),
        n_conditions=arguments.n_conditions,
        new_tokens=arguments.new_tokens,
        device=arguments.device,
        dtype=arguments.dtype,
    )
    model = load_model(work.folder, device=work.device, dtype=work.dtype)
    runs = {
        "engine": contenders.engine(work, scored=False),
        "engine, scored by the unsteered model": contenders.engine(work, scored=True),
        "ceiling: linear layers alone": lambda: contenders.linear_ceiling(model, width=240),
        "engine, steady decode": contenders.steady_decode(work, width=240),
        "TransformerBridge.generate, batch 8": contenders.bridge_generate(work.first(24), batch=8),
    }
    for batch in arguments.batches:
        name = f"Hugging Face generate, batch {batch}"
        runs[name] = contenders.hf_generate(work.first(max(64, batch)), batch=batch)
        if arguments.peers:
            runs[f"pyvene, batch {batch}"] = contenders.pyvene(
                work.first(max(64, batch)), batch=batch, peers=arguments.peers
            )
    speeds = measure(runs, rounds=arguments.rounds)
    name = f"engine_{model.device.type}_{str(model.dtype).removeprefix('torch.')}"
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    (arguments.out_dir / f"{name}.md").write_text(table(speeds), encoding="utf-8")
    facts = {"tokens_per_second": speeds, "capability": torch.backends.cpu.get_cpu_capability()}
    (arguments.out_dir / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(table(speeds))


def _prompts(folder: Path, *, per_split: int) -> list[str]:
    splits = [read_prompts(folder / f"{split}.jsonl", split=split)[:per_split] for split in SPLITS]
    # In turn, so that the first few are of every split.
    return [prompt.prompt for prompts in zip(*splits, strict=True) for prompt in prompts]


if __name__ == "__main__":
    main()
