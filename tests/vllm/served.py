"""Runs in vLLM's Python: writes the rows of requests, all in one batch, and reads texts; `served.py JOB ANSWER`."""

import json
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from steering_reliability.directions.files import read_direction
from steering_reliability.generation.rows import rows_of
from steering_reliability.vllm_engine.engine import VllmEngine
from steering_reliability.vllm_engine.starting import Settings, parameters, start_vllm
from steering_reliability.vllm_engine.tasks import Task
from steering_reliability.worker.protocol import request_from_json


def main(job_file: str, answer_file: str) -> None:
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    settings = Settings(**({"memory": 1 << 30, "max_rows": 96} | job["settings"]))
    served, model = start_vllm(job["folder"], device="auto", dtype=job["dtype"], settings=settings)
    answer = {"facts": model.facts, "context": model.context, "rows": {}, "seconds": {}, "cpu_seconds": {}}
    for point, requests in job["requests"].items():
        engine = VllmEngine(served, model, hook_point=point, max_rows=settings.max_rows)
        rows = []
        for request in map(request_from_json, requests):
            files = request.steering.direction_files if request.steering else []
            rows.append(rows_of(request, model=model, direction=[read_direction(file) for file in files]))
        begin = time.perf_counter(), time.process_time()
        done = iter(engine.generate([row for of_request in rows for row in of_request]))
        answer["seconds"][point], answer["cpu_seconds"][point] = (
            time.perf_counter() - begin[0],
            time.process_time() - begin[1],
        )
        answer["rows"][point] = [[described(next(done)) for _ in of_request] for of_request in rows]
    if job["texts"]:
        engine = VllmEngine(served, model, hook_point="resid_post", max_rows=settings.max_rows)
        answer["streams"] = engine.read(job["texts"]).tolist()
    if job.get("timed"):
        answer["times"] = times(served, model, job, max_rows=settings.max_rows)
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def times(served, model, job, *, max_rows: int, rounds: int = 3) -> dict[str, float]:
    """Seconds and CPU seconds of rows with all that is measured of them, and of the same rows as vLLM writes them.

    Interleaved, each round with prompts of its own, so that nothing of another round is in the prefix cache; the least
    of each counts.
    """
    engine = VllmEngine(served, model, hook_point="resid_post", max_rows=max_rows)
    ways = {"all numbers": engine.generate, "vLLM alone": lambda rows: write_alone(served, rows, engine=engine)}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, write in ways.items():
            rows = []
            for request in map(request_from_json, job["timed"]):
                renamed = [(key, f"{text} ({key}, {name}, {number})") for key, text in request.prompts]
                directions = [read_direction(file) for file in request.steering.direction_files]
                rows += rows_of(replace(request, prompts=renamed), model=model, direction=directions)
            begin = time.perf_counter(), time.process_time()
            write(rows)
            found[name].append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    said = {}
    for at, unit in enumerate(("s", "CPU s")):
        said |= {f"{name}, {unit}": min(one[at] for one in of) for name, of in found.items()}
        pairs = zip(*found.values(), strict=True)
        said[f"ratio, median of pairs, {unit}"] = statistics.median(ours[at] / bare[at] for ours, bare in pairs)
    return said


def write_alone(served, rows, *, engine) -> None:
    """The same rows, steered and greedy, chosen by vLLM's own sampler, with nothing measured."""
    stops = engine.model.end_tokens
    for number, row in enumerate(rows):
        task = Task(f"alone-{number}", **engine._steered(row))
        settings = parameters(task, max_tokens=row.max_new_tokens, stops=stops)
        served.add_request(task.name, {"prompt_token_ids": list(row.tokens)}, settings)
    while served.has_unfinished_requests():
        served.step()


def described(completion):
    names = ("tokens", "finish_reason", "mean_logprob", "mean_entropy", "first_token_kl", "base_logprob", "openings")
    return {name: getattr(completion, name) for name in names}


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # The C++ libraries beside vLLM complain at length of an ordinary end.
    os._exit(0)
