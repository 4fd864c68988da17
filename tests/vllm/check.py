"""Parity, cost and speed of vLLM beside the bridge's engine, as one table; scripts/gpu_check.sh has a call."""

import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from conditions import PROMPTS, Conditions
from steering_reliability.directions.activations import Text, locate_tokens, read_residuals
from steering_reliability.directions.files import read_direction
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.rows import rows_of
from steering_reliability.model.loading import LoadedModel, load_model

HERE = Path(__file__).parent
NUMBERS = ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob")


def main() -> None:
    """Write the same rows on both engines and print what is alike, and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dtype", action="append", required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--new_tokens", type=int, default=24)
    parser.add_argument("--prompts", type=int, default=len(PROMPTS))
    parser.add_argument("--copies", type=int, default=1, help="of each prompt, for the times")
    chosen = parser.parse_args()
    print("| check | value |\n|---|---:|")
    for dtype in chosen.dtype:
        for name, value in checks(chosen, dtype=dtype):
            print(f"| {dtype}: {name} | {value} |", flush=True)


def checks(chosen: argparse.Namespace, *, dtype: str) -> Any:
    """Each check by its name."""
    with tempfile.TemporaryDirectory() as scratch:
        model = load_model(chosen.model, device=chosen.device, dtype=dtype)
        found = Conditions(
            Path(scratch),
            n_layers=model.n_layers,
            d_model=model.d_model,
            length=40.0,
            prompts=PROMPTS[: chosen.prompts],
            new_tokens=chosen.new_tokens,
        )
        requests = {"resid_post": found.at_resid_post(), "resid_pre": found.at_other_points()}
        requests["resid_both"] = requests["resid_pre"]
        texts = [Text(prompt, "Sure, here is how to do that:") for prompt in PROMPTS]
        place: dict[str, Any] = {"tokenizer": model.tokenizer, "context": model.context, "position": "prefix_mean"}
        located = [locate_tokens(text, **place) for text in texts]
        # The rows of the times: plain ones, and the same with everything that is measured of them.
        many = [(f"{at}-{name}", text) for at in range(chosen.copies) for name, text in found.ask().prompts]
        timed = [found.steer("add", model.n_layers // 2, alpha=alpha, prompts=many) for alpha in (0.3, 0.5, 0.7)]
        answer = serve(chosen.model, requests, dtype=dtype, texts=located, timed=timed, scratch=Path(scratch))
        yield "device", answer["facts"]["gpu"] or "CPU"
        yield "batch-invariant mode", answer["facts"]["batch_invariant"]
        for point, of_point in requests.items():
            ours = write(model, of_point, hook_point=point)
            yield from compared(point, ours, answer["rows"][point])
        reading = read_residuals(texts, model=model, hook_point="resid_post", position="prefix_mean")
        streams = torch.tensor(answer["streams"])[:, 1:]
        yield "activations: largest difference", f"{float((reading - streams).abs().max()):.1e}"
        begin = time.perf_counter()
        write(model, timed, hook_point="resid_post")
        yield "the timed rows, bridge's engine, s", f"{time.perf_counter() - begin:.1f}"
        for name, value in answer["times"].items():
            yield f"the timed rows, {name}", f"{value:.2f}"


def serve(folder: Path, requests: Any, *, dtype: str, texts: Any, timed: Any, scratch: Path) -> dict[str, Any]:
    """What vLLM makes of the requests."""
    asked = {point: [asdict(one) for one in of_point] for point, of_point in requests.items()}
    job = {"folder": str(folder), "dtype": dtype, "settings": {"max_rows": 240}, "requests": asked, "texts": texts}
    job["timed"] = [asdict(one) for one in timed]
    (scratch / "job.json").write_text(json.dumps(job), encoding="utf-8")
    command = [os.environ.get("STEERING_VLLM_PYTHON", ".venv-vllm/bin/python"), str(HERE / "served.py")]
    paths = os.pathsep.join([str(HERE.parents[1] / "workflow"), str(HERE)])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_WAIT_POLICY": "PASSIVE"}
    subprocess.run([*command, str(scratch / "job.json"), str(scratch / "answer.json")], env=environment, check=True)
    found: dict[str, Any] = json.loads((scratch / "answer.json").read_text(encoding="utf-8"))
    return found


def write(model: LoadedModel, requests: Any, *, hook_point: str) -> list[list[Any]]:
    """What the bridge's engine makes of the requests."""
    rows = []
    for request in requests:
        files = request.steering.direction_files if request.steering else []
        rows.append(rows_of(request, model=model, direction=[read_direction(file) for file in files]))
    engine = Engine(model, hook_point=hook_point, max_rows=240, memory=2 << 30)
    done = iter(engine.generate([row for of_request in rows for row in of_request]))
    return [[next(done) for _ in of_request] for of_request in rows]


def compared(point: str, ours: Any, theirs: Any) -> Any:
    """How many completions are equal, and how far the numbers of equal ones are apart."""
    pairs = [pair for here, there in zip(ours, theirs, strict=True) for pair in zip(here, there, strict=True)]
    equal = [(one, other) for one, other in pairs if one.tokens == other["tokens"]]
    first = sum(one.tokens[:1] == other["tokens"][:1] for one, other in pairs)
    yield f"{point}: completions equal", f"{len(equal)} of {len(pairs)} (first token {first})"
    for name in NUMBERS:
        apart = [abs(getattr(one, name) - other[name]) for one, other in equal]
        yield f"{point}: {name}, largest difference", f"{max(x for x in apart if not math.isnan(x)):.1e}"
    openings = [
        abs(a - b)
        for one, other in pairs
        for mine, his in zip(one.openings, other["openings"], strict=True)
        for a, b in zip(mine, his, strict=True)
    ]
    yield f"{point}: openings, largest difference", f"{max(openings):.1e}"


if __name__ == "__main__":
    main()
