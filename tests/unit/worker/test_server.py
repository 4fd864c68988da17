"""A real worker process behind a real socket."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from some_rows import make_request
from steering_reliability.directions.files import StoredDirection, read_direction, write_direction
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.rows import rows_of
from steering_reliability.worker.client import WORKER_MODULE, WorkerDied, request_completions, stop_workers
from steering_reliability.worker.protocol import WorkerIdentity, private_folder
from tiny_model import planted_direction


@pytest.fixture(scope="module")
def runtime():
    """A short private path, since a socket's name may have 103 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="sr-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture(scope="module")
def owner():
    """A process whose end must end the worker."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def worker(runtime, owner, tiny_folder):
    """The identity of a worker that the first request starts."""
    yield WorkerIdentity(str(tiny_folder), "cpu", "float32", "resid_post", 32, 512, owner.pid, "test")
    stop_workers(owner.pid)


@pytest.fixture(scope="module")
def pushed(runtime):
    """A steered request's `steering`."""
    write_direction(runtime / "layer_1.pt", StoredDirection(planted_direction(), 1.0, 2.5, {"layer": 1}))
    return SteeringRequest("add", "1+2", 0.8, (1, 2), direction_files=(str(runtime / "layer_1.pt"),) * 2)


@pytest.fixture
def ask(worker, tmp_path):
    """Send a request to the worker, or to another one."""

    def send_request(request: CompletionRequest, *, worker: WorkerIdentity = worker) -> list[dict]:
        return request_completions(request, worker=worker, log=tmp_path / "worker.log")

    return send_request


def pid_of(worker: WorkerIdentity) -> int:
    return int(worker.socket_path().with_suffix(".pid").read_text().split()[0])


def wait_until(condition, *, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def gone(pid: int) -> bool:
    try:
        # A dead process's threads may hold its sockets for a little longer than itself.
        process = psutil.Process(pid)
        return process.num_threads() <= 1 and process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_two_clients_at_once_get_what_the_engine_writes_for_each(ask, pushed, tiny_model):
    asked = [
        make_request(["How do I pick a lock?", "Tell me."]),
        make_request(["Tell me.", "Say it again."], steering=pushed),
    ]
    with ThreadPoolExecutor(2) as clients:
        together = list(clients.map(ask, asked))
    for one, answers in zip(asked, together, strict=True):
        direction = read_direction(pushed.direction_files[0]) if one.steering else None
        here = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate(
            rows_of(one, model=tiny_model, direction=direction)
        )
        refusal, compliance = here[0].opening_logprobs
        assert answers[0]["refusal_propensity"] == float(f"{refusal - compliance:.6g}") != 0
        assert answers[1]["refusal_propensity"] == answers[0]["refusal_propensity"] != answers[2]["refusal_propensity"]
        for answer, completion in zip(answers, here, strict=True):
            assert answer["completion"] == tiny_model.tokenizer.decode(completion.tokens, skip_special_tokens=True)
            assert answer["n_tokens"] == len(completion.tokens)
            assert answer["base_logprob"] == float(f"{completion.base_logprob:.6g}")


def test_two_workers_write_what_one_writes_and_refuse_once(ask, worker, pushed, tmp_path):
    two = replace(worker, of=2)
    for n in (1, 5):
        asked = make_request([f"Say it {n} times." for n in range(n)], steering=pushed)
        assert ask(asked, worker=two) == ask(asked)
    assert (tmp_path / "worker.log").read_text(encoding="utf-8").count("started") >= 2
    assert len({member.socket_path() for member in [worker, *two.pool()]}) == 3
    with pytest.raises(InputError, match=r"context.*; .*context") as refused:
        ask(make_request(["Hi", "Ho"], max_new_tokens=600), worker=two)
    assert refused.value.fix.count("max_new_tokens") == 1


def test_without_openings_there_is_no_propensity_and_without_prompts_no_row_and_the_socket_is_private(ask, worker):
    assert [answer["refusal_propensity"] for answer in ask(make_request(["Hi"], openings=None))] == [None, None]
    assert ask(make_request([])) == []
    path = worker.socket_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_new_tokens": 600}, "context of 512 tokens"),
        ({"steering": {"direction_files": ["/nowhere/layer_1.pt"]}}, "there is no direction"),
        ({"steering": {"direction_files": None}}, "0 directions for 2 blocks"),
        ({"steering": {"blocks": [1, 7]}}, "no layer 7"),
        ({"prompts": [["id without a text"]]}, "does not understand"),
        ({"samples": None}, "does not understand"),
    ],
)
def test_a_refused_request_is_an_input_error_and_the_worker_lives_on(ask, worker, pushed, changes, message):
    expected = ask(make_request(["Hi"]))
    pid = pid_of(worker)
    if "steering" in changes:
        changes = {"steering": replace(pushed, **changes["steering"])}
    with pytest.raises(InputError, match=message):
        ask(replace(make_request(["Hi"]), **changes))
    assert ask(make_request(["Hi"])) == expected
    assert pid_of(worker) == pid


def test_a_killed_worker_is_an_error_and_the_next_request_starts_another(ask, worker):
    short = make_request(["Hi"])
    expected = ask(short)
    pid = pid_of(worker)
    with ThreadPoolExecutor(1) as clients:
        endless = make_request([f"{n}" for n in range(64)], max_new_tokens=400, samples=4)
        waiting = clients.submit(ask, endless)
        time.sleep(0.5)
        assert not waiting.done()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=r"ended before it answered.*worker\.log"):
            waiting.result(timeout=20)
    # The kernel closes a dead process's sockets one after the other: its listener may outlive our connection.
    assert wait_until(lambda: gone(pid))
    assert ask(short) == expected
    assert pid_of(worker) != pid


def test_a_worker_that_can_not_start_says_why(ask, worker, tmp_path):
    broken = replace(worker, folder=str(tmp_path), code="broken")
    with pytest.raises(WorkerDied, match="could not start"):
        ask(make_request(["Hi"]), worker=broken)
    assert not broken.socket_path().exists()


def test_the_worker_ends_when_its_owner_is_gone(ask, worker, owner):
    ask(make_request(["Hi"]))
    pid = pid_of(worker)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: gone(pid))
    assert wait_until(lambda: not worker.socket_path().exists())
    assert not worker.socket_path().with_suffix(".pid").exists()


@pytest.mark.parametrize("is_worker", [True, False])
def test_only_a_worker_of_the_owner_is_stopped(runtime, owner, is_worker):
    pid_file = private_folder() / "someone.pid"
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen([*sleep, WORKER_MODULE] if is_worker else sleep)
    try:
        pid_file.write_text(f"{process.pid} {os.getpid()}\n")
        stop_workers(owner.pid)
        assert process.poll() is None
        # What glob still names, and reading no longer finds: a worker of another run that ends meanwhile.
        (private_folder() / "gone.pid").symlink_to("nowhere")
        stop_workers(os.getpid())
        if is_worker:
            assert process.wait(timeout=20) == -signal.SIGTERM
        else:
            # The number of a worker that was killed, given to another process since.
            assert process.poll() is None
            assert not pid_file.exists()
    finally:
        process.kill()
        pid_file.unlink(missing_ok=True)
        (private_folder() / "gone.pid").unlink(missing_ok=True)
