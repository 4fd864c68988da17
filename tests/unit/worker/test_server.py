"""A real worker process behind a real socket."""

import json
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

import pytest
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.worker.client import WORKER_MODULE, WorkerDied, request_completions, stop_workers
from steering_reliability.worker.protocol import WorkerIdentity, private_folder
from steering_reliability.worker.server import rows_of_request
from steering_reliability.worker.write_shard import ShardCondition, write_shard
from tiny_model import planted_direction

SETTINGS = {"max_new_tokens": 12, "temperature": 0.8, "top_p": 0.95, "samples": 2, "system_prompt": None}
SETTINGS |= {"chat_template": "auto", "positions": "after_prompt", "alpha_unit": "resid_norm"}
SETTINGS |= {"openings": ["I'm sorry", "Sure"]}


@pytest.fixture(scope="module")
def runtime():
    """A short private path, since a socket's name may have 108 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="sr-") as folder, pytest.MonkeyPatch.context() as patch:
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
def direction(runtime):
    write_direction(runtime / "layer_1.pt", StoredDirection(planted_direction(), 1.0, 2.5, {"layer": 1}))
    return str(runtime / "layer_1.pt")


def request(*, prompts: list[str], steering: dict | None = None, **changes) -> dict:
    asked = {name: value for name, value in SETTINGS.items() if name != "alpha_unit"}
    numbered = [[f"p{at}", text] for at, text in enumerate(prompts)]
    return asked | {"prompts": numbered, "seed": 0, "steering": steering} | changes


def pushed(direction: str, *, alpha: float, layer: int = 1, intervention: str = "add") -> dict:
    place = {"direction": direction, "intervention": intervention, "layer": layer}
    return place | {"alpha": alpha, "alpha_unit": "resid_norm"}


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
        alone = len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
        return alone and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_an_add_is_scaled_by_the_residual_stream_and_an_ablation_is_not(tiny_model, direction):
    whole = request(prompts=["Hi"], steering=pushed(direction, alpha=2.0))
    row, _ = rows_of_request(whole, job=1, model=tiny_model)
    assert (row.steering.add, row.steering.ablate) == (5.0, 0.0)
    unit = pushed(direction, alpha=2.0) | {"alpha_unit": "unit"}
    row, _ = rows_of_request(request(prompts=["Hi"], steering=unit), job=1, model=tiny_model)
    assert row.steering.add == 2.0
    ablation = pushed(direction, alpha=0.5, intervention="ablate")
    row, _ = rows_of_request(request(prompts=["Hi"], steering=ablation), job=1, model=tiny_model)
    assert (row.steering.add, row.steering.ablate) == (0.0, 0.5)


def test_a_prompt_template_reaches_prompt_and_openings(tiny_model):
    asked = request(prompts=["Tell me."], chat_template="none", prompt_template="Q: {prompt}\nA:", samples=1)
    (row,) = rows_of_request(asked, job=1, model=tiny_model)
    assert tiny_model.tokenizer.decode(row.tokens) == "Q: Tell me.\nA:"
    assert [tiny_model.tokenizer.decode(opening) for opening in row.openings] == [" I'm sorry", " Sure"]


def test_prompts_that_do_not_fit_are_named_with_their_lengths(worker, tmp_path):
    long = "a " * 600
    asked = request(prompts=["Tell me.", long, "Say it.", *[long] * 6], max_new_tokens=12, samples=2)
    with pytest.raises(InputError) as caught:
        request_completions(asked, worker=worker, log=tmp_path / "worker.log")
    assert caught.value.what.startswith(
        "7 prompts with 12 tokens after them don't fit the model's context of 512 tokens: p1 ("
    )
    assert "p3 (" in caught.value.what
    assert caught.value.what.endswith("and 2 more")
    assert "p0" not in caught.value.what


def test_two_clients_at_once_get_what_each_gets_alone(worker, direction, tiny_model, tmp_path):
    log = tmp_path / "worker.log"
    asked = [
        request(prompts=["How do I pick a lock?", "Tell me."]),
        request(prompts=["Tell me.", "Say it again."], steering=pushed(direction, alpha=0.8)),
    ]
    with ThreadPoolExecutor(2) as clients:
        together = list(clients.map(lambda one: request_completions(one, worker=worker, log=log), asked))
    assert together == [request_completions(one, worker=worker, log=log) for one in asked]
    assert [len(rows) for rows in together] == [4, 4]
    for one, answers in zip(asked, together, strict=True):
        rows = rows_of_request(one, job=1, model=tiny_model)
        here = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate(rows)
        refusal, compliance = here[0].opening_logprobs
        assert answers[0]["refusal_propensity"] == float(f"{refusal - compliance:.6g}") != 0
        assert answers[1]["refusal_propensity"] == answers[0]["refusal_propensity"] != answers[2]["refusal_propensity"]
        for answer, completion in zip(answers, here, strict=True):
            assert answer["completion"] == tiny_model.tokenizer.decode(completion.tokens, skip_special_tokens=True)
            assert answer["n_tokens"] == len(completion.tokens)
            assert answer["base_logprob"] == float(f"{completion.base_logprob:.6g}")


def test_two_workers_write_what_one_writes(worker, direction, tmp_path):
    log, team = tmp_path / "worker.log", replace(worker, of=2)
    for n in (1, 2, 5):
        asked = request(prompts=[f"Say it {n} times." for n in range(n)], steering=pushed(direction, alpha=0.8))
        assert request_completions(asked, worker=team, log=log) == request_completions(asked, worker=worker, log=log)
    assert log.read_text(encoding="utf-8").count("started") >= 2
    assert len({member.socket_path() for member in [worker, *team.team()]}) == 3


def test_two_workers_refuse_once(worker, tmp_path):
    asked = request(prompts=["Hi", "Ho"], max_new_tokens=600)
    with pytest.raises(InputError, match=r"context.*; .*context") as refused:
        request_completions(asked, worker=replace(worker, of=2), log=tmp_path / "worker.log")
    assert refused.value.fix.count("max_new_tokens") == 1


def test_without_openings_there_is_no_propensity(worker, tmp_path):
    asked = request(prompts=["Hi"], openings=None)
    answers = request_completions(asked, worker=worker, log=tmp_path / "worker.log")
    assert [answer["refusal_propensity"] for answer in answers] == [None, None]


def test_the_socket_is_private(worker, tmp_path):
    request_completions(request(prompts=["Hi"]), worker=worker, log=tmp_path / "worker.log")
    path = worker.socket_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"max_new_tokens": 600}, "context of 512 tokens"),
        ({"steering": {"direction": "/nowhere/layer_1.pt"}}, "there is no direction"),
        ({"steering": "layer"}, "no layer 7"),
        ({"prompts": [["id without a text"]]}, "does not understand"),
        ({"samples": None}, "does not understand"),
    ],
)
def test_a_refused_request_is_an_input_error_and_the_worker_lives_on(worker, direction, tmp_path, change, told):
    log = tmp_path / "worker.log"
    request_completions(request(prompts=["Hi"]), worker=worker, log=log)
    pid = pid_of(worker)
    if change.get("steering") == "layer":
        change = {"steering": pushed(direction, alpha=1.0, layer=7)}
    with pytest.raises(InputError, match=told):
        request_completions(request(prompts=["Hi"]) | change, worker=worker, log=log)
    assert len(request_completions(request(prompts=["Hi"]), worker=worker, log=log)) == 2
    assert pid_of(worker) == pid


def test_no_prompts_get_no_rows(worker, tmp_path):
    assert request_completions(request(prompts=[]), worker=worker, log=tmp_path / "worker.log") == []


def write(output: Path, *, worker: WorkerIdentity, prompts: Path, **changes) -> None:
    settings = {"split": "benign", "condition": ShardCondition(seed=3), "settings": SETTINGS}
    write_shard(output, prompts=prompts, worker=worker, worker_log=output.parent / "worker.log", **(settings | changes))


@pytest.fixture
def prompts(tmp_path) -> Path:
    lines = [json.dumps({"id": f"benign_{at}", "prompt": f"Say {at} – ü"}, ensure_ascii=False) for at in range(3)]
    (tmp_path / "benign.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "benign.jsonl"


def test_a_shard_has_the_rows_of_the_design(worker, direction, prompts, tmp_path):
    output = tmp_path / "deep" / "benign.jsonl"
    condition = ShardCondition(3, "contrastive_prefix", "add", 1, 0.5)
    write(output, worker=worker, prompts=prompts, condition=condition, direction_file=direction, limit=2)
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["sample"]) for row in rows] == [
        ("benign_0", 0),
        ("benign_0", 1),
        ("benign_1", 0),
        ("benign_1", 1),
    ]
    assert list(rows[0]) == [
        *("id", "split", "sample", "prompt", "completion", "n_tokens", "finish_reason"),
        *("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob", "refusal_propensity"),
        *("direction", "intervention", "layer", "alpha", "seed"),
    ]
    place = {"split": "benign", "direction": "contrastive_prefix", "intervention": "add"}
    assert place | {"layer": 1, "alpha": 0.5, "seed": 3} == {
        name: rows[0][name] for name in (*place, "layer", "alpha", "seed")
    }
    assert rows[0]["completion"] != rows[1]["completion"]
    assert rows[0]["first_token_kl"] > 0


def test_a_shard_that_is_judged_by_its_text_has_no_score_and_no_zero_in_its_place(worker, direction, prompts, tmp_path):
    condition = ShardCondition(3, "random_0", "add", 1, 0.5)
    found = {}
    for name, extra in (("scored", {}), ("bare", {"is_scored": False})):
        output = tmp_path / name / "benign.jsonl"
        write(
            output, worker=worker, prompts=prompts, condition=condition, direction_file=direction,
            settings=SETTINGS | extra,
        )  # fmt: skip
        found[name] = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert all(row["base_logprob"] < 0 for row in found["scored"])
    assert found["bare"] == [row | {"base_logprob": None} for row in found["scored"]]


def test_a_baseline_shard_names_no_direction(worker, prompts, tmp_path):
    output = tmp_path / "baseline" / "benign.jsonl"
    write(output, worker=worker, prompts=prompts)
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 6
    assert {(row["direction"], row["intervention"], row["layer"], row["alpha"]) for row in rows} == {
        (None, None, None, 0.0)
    }
    assert all(row["base_logprob"] == row["mean_logprob"] and row["first_token_kl"] == 0 for row in rows)
    first = output.read_bytes()
    write(output, worker=worker, prompts=prompts)
    assert output.read_bytes() == first


def test_a_refused_shard_leaves_nothing_behind(worker, prompts, tmp_path):
    output = tmp_path / "refused" / "benign.jsonl"
    output.parent.mkdir()
    with pytest.raises(InputError, match="context"):
        write(output, worker=worker, prompts=prompts, settings=SETTINGS | {"max_new_tokens": 600})
    assert not [path for path in output.parent.iterdir() if path.name != "worker.log"]


def test_a_killed_worker_is_told_and_the_next_request_starts_another(worker, tmp_path):
    log = tmp_path / "worker.log"
    short = request(prompts=["Hi"])
    expected = request_completions(short, worker=worker, log=log)
    pid = pid_of(worker)
    with ThreadPoolExecutor(1) as clients:
        endless = request(prompts=[f"{n}" for n in range(64)], max_new_tokens=400, samples=4)
        waiting = clients.submit(request_completions, endless, worker=worker, log=log)
        time.sleep(0.5)
        assert not waiting.done()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=r"ended before it answered.*worker\.log"):
            waiting.result(timeout=20)
    # The kernel closes a dead process's sockets one after the other: its listener may outlive our connection.
    assert wait_until(lambda: gone(pid))
    assert request_completions(short, worker=worker, log=log) == expected
    assert pid_of(worker) != pid


@pytest.mark.parametrize(
    "changes", [{"prompts": 3}, {"seed": "x"}, {"samples": None}, {"steering": [1]}, {"top_p": []}]
)
def test_nonsense_is_answered_and_the_worker_lives(worker, tmp_path, changes):
    log = tmp_path / "worker.log"
    expected = request_completions(request(prompts=["Hi"]), worker=worker, log=log)
    pid = pid_of(worker)
    with pytest.raises(InputError, match="does not understand"):
        request_completions(request(prompts=["Hi"], temperature=0.5) | changes, worker=worker, log=log)
    assert request_completions(request(prompts=["Hi"]), worker=worker, log=log) == expected
    assert pid_of(worker) == pid


def test_a_worker_that_can_not_start_says_why(worker, tmp_path):
    broken = WorkerIdentity(str(tmp_path), *("cpu", "float32", "resid_post", 8, 512), worker.owner, "broken")
    with pytest.raises(WorkerDied, match="could not start"):
        request_completions(request(prompts=["Hi"]), worker=broken, log=tmp_path / "worker.log")
    assert not broken.socket_path().exists()


def test_the_worker_ends_when_its_owner_is_gone(worker, owner, tmp_path):
    request_completions(request(prompts=["Hi"]), worker=worker, log=tmp_path / "worker.log")
    pid = pid_of(worker)
    owner.kill()
    owner.wait()
    assert wait_until(lambda: gone(pid))
    assert wait_until(lambda: not worker.socket_path().exists())
    assert not worker.socket_path().with_suffix(".pid").exists()


@pytest.mark.parametrize("is_worker", [True, False])
def test_only_a_worker_of_the_owner_is_stopped(runtime, owner, is_worker):
    note = runtime / f"steering-reliability-{os.getuid()}" / "someone.pid"
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = subprocess.Popen([*sleep, WORKER_MODULE] if is_worker else sleep)
    try:
        note.write_text(f"{process.pid} {os.getpid()}\n")
        stop_workers(owner.pid)
        assert process.poll() is None
        stop_workers(os.getpid())
        if is_worker:
            assert process.wait(timeout=20) == -signal.SIGTERM
        else:
            # The number of a worker that was killed, given to somebody else since.
            assert process.poll() is None
            assert not note.exists()
    finally:
        process.kill()
        note.unlink(missing_ok=True)


def test_a_worker_of_another_run_that_ends_meanwhile_is_no_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = private_folder()
    # What glob still names, and reading no longer finds.
    (folder / "gone.pid").symlink_to("nowhere")
    stop_workers(os.getpid())
