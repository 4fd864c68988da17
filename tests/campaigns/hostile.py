"""Files, names and messages made to do harm: none runs code, leaves its folder, or takes the worker down."""

import argparse
import json
import os
import pickle
import random
import resource  # noqa: TID251 - the limit is Linux's
import shutil
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests"), str(ROOT / "tests/workflow")]

import torch  # noqa: E402
import yaml  # noqa: E402
from project import TINY, changed  # noqa: E402
from steering_reliability.config.files import read_config  # noqa: E402
from steering_reliability.directions.files import read_direction  # noqa: E402
from steering_reliability.directions.user_direction import read_user_direction  # noqa: E402
from steering_reliability.errors import InputError  # noqa: E402
from steering_reliability.generation.requests import CompletionRequest  # noqa: E402
from steering_reliability.model.loading import load_model, load_tokenizer, render_prompt  # noqa: E402
from steering_reliability.prompts.reading import read_prompts  # noqa: E402
from steering_reliability.run.plan import plan_run  # noqa: E402
from steering_reliability.worker.client import request_completions, stop_workers  # noqa: E402
from steering_reliability.worker.protocol import WorkerIdentity  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

Defects = Iterator[str]
SECONDS = 60


class Harm:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.mark}'",)


def is_refused(call: Callable[[], object], what: str) -> Defects:
    """Complain unless a call ends in our own message."""
    try:
        call()
    except InputError as error:
        if "to do:" not in str(error):
            yield f"{what}: says not what to do: {error}"
    except Exception as error:
        yield f"{what}: {type(error).__name__}: {str(error)[:200]}"
    else:
        yield f"{what}: was accepted"


def is_harmless(call: Callable[[], object], what: str) -> Defects:
    """Complain when a call fails with anything but our own message."""
    try:
        call()
    except InputError:
        return
    except Exception as error:
        yield f"{what}: {type(error).__name__}: {str(error)[:200]}"


def pickles(place: Path, rng: random.Random) -> Defects:
    """A direction that is a pickle, under each name and in each wrapping that is read."""
    del rng
    mark = place / "ran"
    files = {"plain.pt": pickle.dumps(Harm(mark)), "zipped.pt": b"", "named.safetensors": pickle.dumps(Harm(mark))}
    for name, content in files.items():
        (place / name).write_bytes(content)
    torch.save({"vector": Harm(mark)}, place / "zipped.pt")
    for name in files:
        yield from is_refused(lambda name=name: read_direction(place / name), f"direction {name}")
        yield from is_refused(
            lambda name=name: read_user_direction(place / name, layer=0, hook_point="resid_post"), f"own {name}"
        )
    if mark.exists():
        yield "a pickle ran"


def models(place: Path, rng: random.Random) -> Defects:
    """A model whose weights are a pickle, and one that brings its own code."""
    del rng
    mark = place / "ran"
    sound = write_tiny_model(place / "sound")
    only_pickle = Path(shutil.copytree(sound, place / "pickle"))
    (only_pickle / "model.safetensors").unlink()
    torch.save({"weights": Harm(mark)}, only_pickle / "pytorch_model.bin")
    yield from is_refused(lambda: load_model(only_pickle, device="cpu", dtype="float32"), "a model of pickles")
    own_code = Path(shutil.copytree(sound, place / "code"))
    config = json.loads((own_code / "config.json").read_text())
    config["auto_map"] = {name: "evil.Evil" for name in ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer")}
    (own_code / "config.json").write_text(json.dumps(config))
    (own_code / "evil.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Evil: pass\n")
    yield from is_harmless(lambda: load_model(own_code, device="cpu", dtype="float32"), "a model with code")
    config["model_type"] = "evil"
    (own_code / "config.json").write_text(json.dumps(config))
    yield from is_refused(lambda: load_model(own_code, device="cpu", dtype="float32"), "a model that is all code")
    if mark.exists():
        yield "a model's code ran"


TEMPLATES = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% include '/etc/passwd' %}",
    "{{ cycler.__init__.__globals__.os.popen('touch RAN').read() }}",
    "{{ self._TemplateReference__context }}",
    "{{ raise_exception('no') }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{{ messages[0]['content'] * 100000000 }}",
    "{% if %}",
    "{{ open('/etc/passwd').read() }}",
)


def templates(place: Path, rng: random.Random) -> Defects:
    """Chat templates that reach for the file system, never end, or are none."""
    del rng
    sound = write_tiny_model(place / "sound")
    for number, text in enumerate(TEMPLATES):
        folder = Path(shutil.copytree(sound, place / f"template_{number}"))
        (folder / "chat_template.jinja").write_text(text)
        settings = changed(TINY, {"model.source": str(folder)})
        done = alone("render", settings, place)
        said = done.stdout + done.stderr
        if "Traceback" in said:
            yield f"{text}: {said.strip().splitlines()[-1][:200]}"
        # Nothing bounds the memory of a template; the job dies with it, and the next one is another process.
        if done.returncode not in ((0, 1, -6, -9) if "* 1000" in text else (0, 1)):
            yield f"{text}: exit {done.returncode}"
        if (ROOT / "RAN").exists() or (place / "RAN").exists():
            yield f"{text}: ran"
        if "root:" in said:
            yield f"{text}: shows a file"


def alone(what: str, settings: Any, place: Path, *, seconds: int = SECONDS) -> "subprocess.CompletedProcess[str]":
    """Plan or render in a process of its own that may take 8 GiB and some time; -1000 where it takes longer."""
    path = place / "run.yaml"
    if not isinstance(settings, str):
        settings = yaml.safe_dump(settings)
    path.write_text(settings, encoding="utf-8")
    command = [sys.executable, str(Path(__file__)), "--alone", what, str(path)]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1000, "", "")


def do_alone(what: str, path: Path) -> int:
    """What `alone` starts."""
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    try:
        config = plan_run(read_config(path)).config
        if what == "render":
            tokenizer = load_tokenizer(config.model.source)
            print(render_prompt("Why?", tokenizer=tokenizer, system_prompt=None, chat_template="auto").tokens[:50])
    except InputError as error:
        print(error)
        return 1
    return 0


def bomb(depth: int, width: int) -> str:
    """A YAML text of a few lines that stands for width ** depth values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    return "\n".join([*lines, f"experiment: {{layers: *a{depth - 1}, alphas: [1.0], output_dir: results/x}}"])


def configs(place: Path, rng: random.Random) -> Defects:
    """YAML that grows without end, or asks for Python objects; names of runs that are shell text."""
    hostile = {
        "a bomb": bomb(9, 9),
        "a bomb with a model": "model: {name: a, source: b}\n" + bomb(12, 10),
        "a python object": "model: !!python/object/apply:os.system ['touch RAN']\n",
        "deep": "model: " + "[" * 20000,
        "itself": "model: &a {name: x, source: y, more: *a}\n",
    }
    for what, text in hostile.items():
        done = alone("plan", text, place)
        if done.returncode != 1 or "Traceback" in done.stderr or "to do:" not in done.stdout:
            yield f"{what}: exit {done.returncode}, {(done.stderr.strip().splitlines() or [''])[-1][:200]}"
        if len(done.stdout) > 5000:
            yield f"{what}: a message of {len(done.stdout)} characters"
    names = [
        "$(touch RAN)", "; touch RAN", "`touch RAN`", "a\nb", "../../../../tmp/x", "x" * 5000, "\x1b[31m", "{layer}",
    ]  # fmt: skip
    for name in rng.sample(names, k=len(names)):
        for key in ("experiment.output_dir", "report.output_dir", "model.name"):
            yield from is_harmless(
                lambda key=key, name=name: plan_run(changed(TINY, {key: name})), f"{key} = {name!r:.30}"
            )
    if (ROOT / "RAN").exists():
        yield "a config ran a command"


def prompts(place: Path, rng: random.Random) -> Defects:
    """Prompt ids that are paths, shell text, terminal codes, or endless."""
    ids = [
        "../x", "/etc/passwd", "a\nb", "$(touch RAN)", "; rm -rf x", "x" * 5000, "\x1b[2J", "=cmd()", "\u202eabc", "",
    ]  # fmt: skip
    for number, name in enumerate(rng.sample(ids, k=len(ids))):
        path = place / f"prompts_{number}.jsonl"
        line = {"id": name, "prompt": "Why is the sky blue?", "meta": {"family": "f", "style": "s"}}
        path.write_text(json.dumps(line) + "\n", encoding="utf-8")
        yield from is_harmless(lambda path=path: read_prompts(path, split="benign"), f"id {name!r:.30}")
        try:
            accepted = list(read_prompts(path, split="benign"))
        except InputError as error:
            if "\x1b" in str(error) or "\u202e" in str(error) or len(str(error)) > 1000:
                yield f"id {name!r:.30}: the message shows it raw"
        else:
            if accepted and any(part in accepted[0].id for part in ("/", "\n", "\x1b")):
                yield f"id {name!r:.30}: was accepted"


def messages(rng: random.Random) -> dict[str, bytes]:
    """What no client of ours sends."""
    return {
        "nothing": b"",
        "half": b'{"prompts": ["a"',
        "no JSON": b"hello\n",
        "a list": b"[1]\n",
        "deep": b"[" * 200_000 + b"\n",
        "deep objects": b'{"a":' * 200_000 + b"\n",
        "binary": rng.randbytes(100_000) + b"\n",
        "compressed": zlib.compress(b"a" * 10_000_000) + b"\n",
        "a great number": b'{"samples": ' + b"9" * 10_000 + b"}\n",
        "no number": b'{"temperature": NaN}\n',
        "empty": b"{}\n",
        "other types": json.dumps({"prompts": {"a": 1}, "seed": [], "samples": -1}).encode() + b"\n",
    }


def worker(place: Path, rng: random.Random) -> Defects:
    """A worker that is sent nonsense, half messages, and two hundred silent guests, between two requests."""
    folder = write_tiny_model(place / "model")
    identity = WorkerIdentity(str(folder), "cpu", "float32", "resid_post", 8, 512, os.getpid(), "hostile")
    asked = CompletionRequest(
        prompts=[("a", "Why is the sky blue?")], seed=0, samples=1, max_new_tokens=4, temperature=0.7, top_p=0.95,
        positions="after_prompt",
    )  # fmt: skip
    log = place / "worker.log"
    guests = []
    try:
        before = answer_of(asked, identity, log)
        path = identity.socket_path()
        if path.parent.stat().st_mode & 0o077:
            yield f"others may enter {path.parent}"
        for what, message in messages(rng).items():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as guest:
                guest.settimeout(20)
                guest.connect(str(path))
                try:
                    guest.sendall(message)
                    guest.shutdown(socket.SHUT_WR)
                    while guest.recv(1 << 16):
                        pass
                except TimeoutError:
                    yield f"{what}: no answer and no end"
                except OSError:
                    pass
        for _ in range(200):
            guests.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            guests[-1].connect(str(path))
            guests[-1].sendall(b"{")
        if answer_of(asked, identity, log) != before:
            yield "another answer than before"
        said = log.read_text(encoding="utf-8", errors="replace")
        if said.count("started:") != 1:
            yield "the worker was started again"
    finally:
        for guest in guests:
            guest.close()
        stop_workers(os.getpid())


def answer_of(asked: CompletionRequest, identity: WorkerIdentity, log: Path) -> Any:
    """What the worker answers, an error of ours included."""
    try:
        return request_completions(asked, worker=identity, log=log)
    except InputError as error:
        return str(error)


CAMPAIGNS: dict[str, Callable[[Path, random.Random], Defects]] = {
    "pickles": pickles, "models": models, "templates": templates, "configs": configs, "prompts": prompts,
    "worker": worker,
}  # fmt: skip


def main() -> int:
    """Print a line per kind of attack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(CAMPAIGNS), default=list(CAMPAIGNS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        return do_alone(arguments.alone[0], Path(arguments.alone[1]))
    worst = 0
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as scratch:
            defects = list(CAMPAIGNS[kind](Path(scratch), random.Random(arguments.seed)))
        worst += len(defects)
        print(f"{'DEFECT' if defects else 'ok':<7}{kind}", flush=True)
        for line in defects:
            print(f"       {line}", flush=True)
    print(f"{worst} defects")
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
