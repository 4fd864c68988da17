"""A warm engine process: loads the model once and writes the rows of every client that asks."""

import json
import math
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil
import torch

from steering_reliability.directions.files import StoredDirection, as_record, read_direction
from steering_reliability.directions.lengths import length_of
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.memory import memory_budget
from steering_reliability.generation.rows import Completion, Row, Steering
from steering_reliability.generation.sampling import uniforms
from steering_reliability.generation.slot_cache import round_up
from steering_reliability.generation.stop_strings import kept_text
from steering_reliability.interventions.positions import steered_span
from steering_reliability.interventions.steer import unit_vector
from steering_reliability.model.loading import LoadedModel, choose_device, load_model, opening_tokens, render_prompt
from steering_reliability.worker.protocol import WorkerIdentity, receive, send

IDLE_SECONDS = 600.0


@dataclass
class Job:
    """A client's request and what has been written for it so far."""

    request: Mapping[str, Any]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict[str, Any] | None = None
    rows: list[Row] = field(default_factory=list)
    done: dict[int, Completion] = field(default_factory=dict)

    def close(self, answer: dict[str, Any]) -> None:
        """Hand the answer to the thread that waits for it."""
        self.answer = answer
        self.answered.set()


def rows_of_request(request: Mapping[str, Any], *, job: int, model: LoadedModel) -> list[Row]:
    """The engine rows of a request, in the order of its prompts and samples; the first sample scores the openings.

    Args:
        request: `prompts` ([id, text] pairs), `samples`, `seed`, `max_new_tokens`, `temperature`, `top_p`,
            `system_prompt`, `chat_template`, `positions`, `openings` (null, or the refusal's and the compliance's),
            `steering` (null, or `direction` (a path), `intervention`, `layer`, `alpha`, for `add` `alpha_unit`), and
            perhaps `prompt_template`, `stop_strings` and `is_scored`.
        job: Number of the job, for the rows' keys.
        model: The loaded model.

    Raises:
        InputError: When the direction's file is damaged or belongs to another model.
    """
    asked = request["steering"]
    direction = read_direction(asked["direction"], d_model=model.d_model) if asked else None
    rows: list[Row] = []
    templates = {"chat_template": request["chat_template"], "prompt_template": request.get("prompt_template")}
    for prompt_id, text in request["prompts"]:
        prompt = render_prompt(
            text,
            tokenizer=model.tokenizer,
            system_prompt=request["system_prompt"],
            **templates,
        )
        span = steered_span(request["positions"], user_end=prompt.user_end, prompt_length=len(prompt.tokens))
        steps = int(request["max_new_tokens"])
        shared: dict[str, Any] = {
            "tokens": prompt.tokens,
            "max_new_tokens": steps,
            "temperature": float(request["temperature"]),
            "top_p": float(request["top_p"]),
            "is_scored": bool(request.get("is_scored", True)),
            "stop_strings": tuple(request.get("stop_strings", ())),
            "steering": _steering(asked, direction, span) if direction is not None else None,
        }
        openings = tuple(
            opening_tokens(opening, prompt=text, tokenizer=model.tokenizer, **templates)
            for opening in request["openings"] or ()
        )
        for sample in range(request["samples"]):
            drawn = uniforms(int(request["seed"]), prompt_id=prompt_id, sample=sample, n=steps)
            asked_of = openings if sample == 0 else ()
            rows.append(Row(key=(job, len(rows), prompt_id), uniforms=drawn, openings=asked_of, **shared))
    return rows


def _steering(asked: Mapping[str, Any], direction: StoredDirection, span: tuple[int, int | None]) -> Steering:
    alpha = float(asked["alpha"])
    if asked["intervention"] == "ablate":
        return Steering(asked["layer"], unit_vector(direction.vector), 0.0, alpha, span)
    length = length_of(as_record(direction), unit=asked["alpha_unit"])
    return Steering(asked["layer"], unit_vector(direction.vector), alpha * length, 0.0, span)


def serve(path: Path, *, engine: Engine, owner: int) -> None:
    """Answer clients until the owner is gone, nobody has asked for a while, or a signal says stop."""
    jobs: queue.Queue[Job] = queue.Queue()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    listener.bind(str(path))
    os.umask(previous)
    listener.listen(256)
    threading.Thread(target=_accept, args=(listener, jobs), daemon=True).start()
    open_jobs: dict[int, Job] = {}
    counter, quiet_since, looked = 0, time.monotonic(), 0.0
    while True:
        while not jobs.empty() or engine.idle:
            try:
                job = jobs.get(timeout=0.5)
            except queue.Empty:
                break
            counter += 1
            _open(job, counter, engine=engine, open_jobs=open_jobs)
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
            _deliver(completion, open_jobs, engine=engine)


def _open(job: Job, number: int, *, engine: Engine, open_jobs: dict[int, Job]) -> None:
    try:
        job.rows = rows_of_request(job.request, job=number, model=engine.model)
        engine.submit(job.rows)
    except InputError as error:
        job.close({"error": {"what": error.what, "where": error.where, "fix": error.fix}})
        return
    except Exception as error:  # whatever a client sends, the others get their rows
        traceback.print_exc()
        what = f"the worker does not understand the request: {error!r}"
        job.close({"error": {"what": what, "where": "worker", "fix": "run again; if it stays, report it"}})
        return
    open_jobs[number] = job
    if not job.rows:
        job.close({"rows": [], "facts": engine.model.facts})


def _deliver(completion: Completion, open_jobs: dict[int, Job], *, engine: Engine) -> None:
    number, index, _ = cast("tuple[int, int, str]", completion.row.key)
    job = open_jobs[number]
    job.done[index] = completion
    if len(job.done) == len(job.rows):
        del open_jobs[number]
        answers = _answers([job.done[at] for at in range(len(job.rows))], engine.model)
        job.close({"rows": answers, "facts": engine.model.facts})


def _answers(completions: list[Completion], model: LoadedModel) -> list[dict[str, Any]]:
    """What a client is told: every written completion, with the propensity of its prompt."""
    openings = {_prompt_id(done): done.opening_logprobs for done in completions if done.row.openings}
    answers = []
    for completion in completions:
        refusal, compliance = openings.get(_prompt_id(completion), [math.nan, math.nan])
        answers.append(_answer(completion, model) | {"refusal_propensity": _six_digits(refusal - compliance)})
    return answers


def _prompt_id(completion: Completion) -> str:
    return cast("tuple[int, int, str]", completion.row.key)[2]


def _answer(completion: Completion, model: LoadedModel) -> dict[str, Any]:
    numbers = {
        name: _six_digits(getattr(completion, name))
        for name in ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob")
    }
    text, n_tokens = kept_text(completion.tokens, stops=completion.row.stop_strings, tokenizer=model.tokenizer)
    return {
        "completion": text,
        "n_tokens": n_tokens,
        "finish_reason": completion.finish_reason,
        **numbers,
    }


def _six_digits(value: float) -> float | None:
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def _accept(listener: socket.socket, jobs: "queue.Queue[Job]") -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, jobs), daemon=True).start()


def _talk(connection: socket.socket, jobs: "queue.Queue[Job]") -> None:
    with connection:
        request = receive(connection)
        if request is None:
            return
        job = Job(request)
        jobs.put(job)
        job.answered.wait()
        try:
            send(connection, job.answer or {})
        except OSError:
            return


def _engine(identity: WorkerIdentity) -> Engine:
    warning = choose_device(identity.device)[1]
    if warning:
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    model = load_model(identity.folder, device=_own_device(identity), dtype=identity.dtype)
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


def _own_device(identity: WorkerIdentity) -> str:
    chosen, _ = choose_device(identity.device)
    return f"cuda:{identity.number % torch.cuda.device_count()}" if chosen.type == "cuda" else str(chosen)


def main(arguments: list[str]) -> int:
    """Run a worker: path of its socket, and its identity as JSON."""
    path, identity = Path(arguments[0]), WorkerIdentity(**json.loads(arguments[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // identity.of))
    note, ours = path.with_suffix(".pid"), f"{os.getpid()} {identity.owner}\n"
    try:
        note.write_text(ours, encoding="utf-8")
        serve(path, engine=_engine(identity), owner=identity.owner)
    except InputError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        # A successor may have taken the place already; what is there then is its.
        if note.exists() and note.read_text(encoding="utf-8") == ours:
            path.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    # Threads that wait for a client must not keep the process.
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
