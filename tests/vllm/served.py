"""Runs in vLLM's Python: writes the rows of requests, all in one batch, and reads texts; `served.py JOB ANSWER`."""

import json
import os
import sys
import time
from pathlib import Path

from steering_reliability.directions.files import read_direction
from steering_reliability.generation.rows import rows_of
from steering_reliability.vllm_engine.engine import VllmEngine
from steering_reliability.vllm_engine.starting import Settings, start_vllm
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
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def described(completion):
    names = ("tokens", "finish_reason", "mean_logprob", "mean_entropy", "first_token_kl", "base_logprob", "openings")
    return {name: getattr(completion, name) for name in names}


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    # The C++ libraries beside vLLM complain at length of an ordinary end.
    os._exit(0)
