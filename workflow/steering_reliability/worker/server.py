"""A worker: a process that loads the model once and writes the rows of every client that connects."""

import math
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import torch

from steering_reliability.directions.files import read_direction
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.memory import memory_budget
from steering_reliability.generation.rows import Completion, Row, rows_of
from steering_reliability.generation.slot_cache import round_up
from steering_reliability.generation.stop_strings import kept_text
from steering_reliability.model.loading import LoadedModel, choose_device, load_model
from steering_reliability.process.system import cores
from steering_reliability.worker.protocol import (
    WorkerIdentity,
    identity_from_json,
    receive,
    request_from_json,
    send,
)

IDLE_SECONDS = 600.0
Asked = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass
class Job:
    """A client's request and what has been written for it so far."""

    message: Mapping[str, Any]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None
    rows: list[Row] = field(default_factory=list)
    done: dict[Row, Completion] = field(default_factory=dict)

    def close(self, answer: dict[str, Any]) -> None:
        """Hand the answer to the thread that waits for it."""
        self.answer = answer
        self.answered.set()


class RowEngine(Protocol):
    """What a server asks of an engine: rows in, completions out, and perhaps other questions."""

    @property
    def model(self) -> LoadedModel:
        """What computes."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""

    def submit(self, rows: Iterable[Row]) -> None:
        """Queue rows."""

    def step(self) -> list[Completion]:
        """Go on, and return the rows that are complete."""


def serve(path: Path, *, engine: RowEngine, owner: int, asked: Asked | None = None) -> None:
    """Answer clients until the owner is gone, nobody has connected for a while, or a signal says stop.

    `asked` answers messages with the key `ask`, which want something else than completions.
    """
    jobs: queue.Queue[Job] = queue.Queue()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    listener.bind(str(path))
    os.umask(previous)
    listener.listen(256)
    threading.Thread(target=_accept, args=(listener, jobs), daemon=True).start()
    jobs_of_rows: dict[Row, Job] = {}
    quiet_since, looked = time.monotonic(), 0.0
    while True:
        while not jobs.empty() or engine.idle:
            try:
                job = jobs.get(timeout=0.5)
            except queue.Empty:
                break
            _open(job, engine=engine, jobs_of_rows=jobs_of_rows, asked=asked)
        if time.monotonic() - looked > 1.0:
            looked = time.monotonic()
            if not psutil.pid_exists(owner):
                return
        if engine.idle:
            if time.monotonic() - quiet_since > IDLE_SECONDS:
                return
            continue
        quiet_since = time.monotonic()
        for completion in engine.step():
            job = jobs_of_rows.pop(completion.row)
            job.done[completion.row] = completion
            if len(job.done) == len(job.rows):
                job.close(_answer(job, engine.model))


def _open(job: Job, *, engine: RowEngine, jobs_of_rows: dict[Row, Job], asked: Asked | None) -> None:
    try:
        if asked is not None and "ask" in job.message:
            job.close(asked(job.message))
            return
        request = request_from_json(job.message)
        files = request.steering.direction_files or () if request.steering else ()
        known = {file: read_direction(file, d_model=engine.model.d_model) for file in dict.fromkeys(files)}
        job.rows = rows_of(request, model=engine.model, direction=[known[file] for file in files])
        engine.submit(job.rows)
    except InputError as error:
        job.close({"error": {"what": error.what, "where": error.where, "fix": error.fix}})
        return
    except Exception as error:  # whatever a client sends, the others get their rows
        traceback.print_exc()
        what = f"the worker does not understand the request: {error!r}"
        job.close({"error": {"what": what, "where": "worker", "fix": "run again; if the error persists, report it"}})
        return
    jobs_of_rows.update(dict.fromkeys(job.rows, job))
    if not job.rows:
        job.close(_answer(job, engine.model))


def _answer(job: Job, model: LoadedModel) -> dict[str, Any]:
    """Every completion of a job, with the propensity of its prompt, and what they were computed with."""
    completions = [job.done[row] for row in job.rows]
    openings = {done.row.key: done.opening_logprobs for done in completions if done.row.openings}
    rows = []
    for done in completions:
        refusal, compliance = openings.get(done.row.key, [math.nan, math.nan])
        text, n_tokens = kept_text(done.tokens, stops=done.row.stop_strings, tokenizer=model.tokenizer)
        row = {
            "completion": text,
            "n_tokens": n_tokens,
            "finish_reason": done.finish_reason,
            "mean_logprob": _six_digits(done.mean_logprob),
            "mean_entropy": _six_digits(done.mean_entropy),
            "first_token_kl": _six_digits(done.first_token_kl),
            "base_logprob": _six_digits(done.base_logprob),
            "refusal_propensity": _six_digits(refusal - compliance),
        }
        rows.append(row)
    return {"rows": rows, "facts": model.facts}


def _six_digits(value: float) -> float | None:
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def _accept(listener: socket.socket, jobs: "queue.Queue[Job]") -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, jobs), daemon=True).start()


def _talk(connection: socket.socket, jobs: "queue.Queue[Job]") -> None:
    with connection:
        message = receive(connection)
        if message is None:
            return
        job = Job(message)
        jobs.put(job)
        job.answered.wait()
        try:
            send(connection, job.answer or {})
        except OSError:
            return


def _engine(identity: WorkerIdentity) -> Engine:
    chosen, warning = choose_device(identity.device)
    if warning:
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    device = f"cuda:{identity.number % torch.cuda.device_count()}" if chosen.type == "cuda" else str(chosen)
    model = load_model(identity.folder, device=device, dtype=identity.dtype)
    memory = memory_budget(identity.memory_mb << 20, device=model.device)
    rows = identity.max_rows
    if identity.of > 1 and model.device.type != "cuda":
        # They share one memory, and the copies of the model count. On GPUs each worker has a device for itself.
        memory = max(memory // 8, memory - (identity.of - 1) * model.n_bytes) // identity.of
        rows = round_up(identity.max_rows // identity.of)
    print(
        f"worker {os.getpid()} started: {str(model.dtype).removeprefix('torch.')} on {model.device}, "
        f"{torch.get_num_threads()} threads, at most {rows} rows and {memory >> 20} MiB beside the model",
        file=sys.stderr,
        flush=True,
    )
    return Engine(model, hook_point=identity.hook_point, max_rows=rows, memory=memory)


def main(arguments: list[str]) -> int:
    """Run a worker: path of its socket, and its identity as JSON."""
    return run_worker(arguments, lambda identity: (_engine(identity), None))


def run_worker(arguments: list[str], start: Callable[[WorkerIdentity], tuple[RowEngine, Asked | None]]) -> int:
    """Serve the engine that `start` makes of an identity, and what it answers beside completions."""
    path, identity = Path(arguments[0]), identity_from_json(arguments[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    torch.set_num_threads(max(1, cores() // identity.of))
    pid_file, ours = path.with_suffix(".pid"), f"{os.getpid()} {identity.owner}\n"
    try:
        pid_file.write_text(ours, encoding="utf-8")
        engine, asked = start(identity)
        serve(path, engine=engine, owner=identity.owner, asked=asked)
    except InputError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        # A successor may run already; then the files are its.
        if pid_file.exists() and pid_file.read_text(encoding="utf-8") == ours:
            path.unlink(missing_ok=True)
            pid_file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    # Threads that wait for a client must not keep the process.
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
