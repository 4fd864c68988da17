"""Ask the warm workers for completions, and start those that do not run; imports no torch."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from steering_reliability.errors import InputError
from steering_reliability.generation.requests import CompletionRequest
from steering_reliability.process.system import host_name
from steering_reliability.worker.pool import merge, split
from steering_reliability.worker.protocol import WorkerIdentity, private_folder, receive, request_to_json, send
from steering_reliability.worker.rendezvous import (
    VLLM_MODULE,
    WORKER_MODULE,
    is_worker,
    read_pid_file,
    remove_stale_sockets,
    start_lock,
)

START_SECONDS = 600.0
# Where a job of SLURM, LSF, PBS, Grid Engine or HTCondor finds its number.
JOB_NAMES = ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "JOB_ID", "_CONDOR_JOB_AD")
# What the C libraries of a worker read at its start; a user's own setting wins.
SETTINGS = {
    # Threads that spin for long while they wait starve everything else on a small machine, themselves included; threads
    # that sleep at once lose time at every small matrix. A short spin lost nothing alone and little in company.
    "GOMP_SPINCOUNT": "20000",
    # Huge pages, and memory that is kept for the next step instead of being given back and zeroed again: a tenth of the
    # time of a decode step.
    "THP_MEM_ALLOC_ENABLE": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 33),
    "MALLOC_TOP_PAD_": str(1 << 26),
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


class WorkerDied(RuntimeError):  # noqa: N818 - what happened, not an error class of a library
    """The worker ended before it answered; another try starts a new one."""


def request_completions(
    request: CompletionRequest,
    *,
    worker: WorkerIdentity,
    log: Path,
    record: Callable[[Mapping[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Split a request between the run's workers and wait for all rows, in the order of its prompts and samples.

    Workers that do not run are started and write their output to `log`. `record` is called once with what the rows were
    computed with: `LoadedModel.facts`.

    Raises:
        InputError: When the worker refuses the request.
        WorkerDied: When it ended without an answer.
    """
    parts = zip(worker.pool(), split(request, workers=worker.of), strict=True)
    with ThreadPoolExecutor(worker.of) as threads:
        futures = [
            threads.submit(ask, request_to_json(part), worker=member, log=log) for member, part in parts if part.prompts
        ]
    refused = [error for error in (future.exception() for future in futures) if isinstance(error, InputError)]
    if refused:
        what = "; ".join(dict.fromkeys(error.what for error in refused))
        raise InputError(what, where=refused[0].where, fix=refused[0].fix)
    answers = [future.result() for future in futures]
    if record is not None and answers:
        record(answers[0]["facts"])
    return merge([answer["rows"] for answer in answers], samples=request.samples)


def ask(message: Mapping[str, Any], *, worker: WorkerIdentity, log: Path) -> dict[str, Any]:
    """Send a message to one worker, which is started if need be, and wait for its answer.

    Raises:
        InputError: When the worker refuses.
        WorkerDied: When it ended without an answer.
    """
    with _connect(worker, log=log) as connection:
        try:
            send(connection, message)
            answer = receive(connection)
        except OSError:
            answer = None
    if answer is None:
        raise WorkerDied(f"the worker ended before it answered; its messages are in {log}")
    if "error" in answer:
        raise InputError(**answer["error"])
    return answer


@contextmanager
def _connect(worker: WorkerIdentity, *, log: Path) -> Iterator[socket.socket]:
    path = worker.socket_path()
    connection = _try(path)
    if connection is None:
        with start_lock(path):
            connection = _try(path) or _start(worker, path=path, log=log)
    with connection:
        yield connection


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _start(worker: WorkerIdentity, *, path: Path, log: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    # Snakemake limits a job's threads by these; the worker serves many jobs and takes the machine's.
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment = SETTINGS | ({"OMP_WAIT_POLICY": "PASSIVE"} if worker.vllm else {}) | environment
    # The folder that the rules name has nothing but the package; that of an installed one would put all packages of the
    # run's environment before those of the job's own (`--sdm conda`).
    package = os.environ.get("STEERING_PACKAGE", str(Path(__file__).parents[2]))
    environment["PYTHONPATH"] = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    python, module = (worker.vllm.python, VLLM_MODULE) if worker.vllm else (sys.executable, WORKER_MODULE)
    command = [python, "-m", module, str(path), worker.as_json()]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    # A model of 70B parameters takes its time to load.
    seconds = START_SECONDS * (6 if worker.vllm else 1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = _try(path)
        if connection is not None:
            return connection
        if process.poll() is not None:
            last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
            raise WorkerDied(f"the worker could not start; its last messages:\n{last}")
        time.sleep(0.1)
    process.kill()
    raise WorkerDied(f"the worker did not answer within {seconds:.0f} s; see {log}")


def claim_owner(environment: MutableMapping[str, str] = os.environ) -> int:
    """The process whose end also ends this run's workers: the first that calls on this node, in this cluster job.

    Processes that it starts inherit the answer through the environment. An answer that a job inherited from another
    node, or from outside the job, is replaced: `STEERING_PLACE` names the node and job where `STEERING_OWNER` holds.
    """
    job = next((environment[name] for name in JOB_NAMES if environment.get(name)), "")
    place = f"{host_name()}/{job}"
    if environment.get("STEERING_PLACE") != place or "STEERING_OWNER" not in environment:
        environment.update(STEERING_OWNER=str(os.getpid()), STEERING_PLACE=place)
    return int(environment["STEERING_OWNER"])


def stop_workers(owner: int) -> None:
    """End the workers that belong to a process, if there are any, and remove what killed ones have left."""
    for path in private_folder().glob("*.pid"):
        known = read_pid_file(path)
        if known and known[1] == owner and is_worker(known[0]):
            # It may have ended by itself by now.
            with suppress(psutil.NoSuchProcess):
                psutil.Process(known[0]).terminate()
    remove_stale_sockets()
