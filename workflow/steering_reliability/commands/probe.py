"""Measure how fast a model generates, in a separate process: `python -m steering_reliability.commands.probe`."""

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from steering_reliability.config.schema import Config
from steering_reliability.errors import InputError
from steering_reliability.process.machine import machine_facts

if TYPE_CHECKING:
    from steering_reliability.model.loading import LoadedModel

LONG_ENOUGH_S: Final = 5.0
MODULE: Final = "steering_reliability.commands.probe"
_ROWS: Final = 120
_LINEAR_SHARE: Final = 0.85
_NEWS_SECONDS: Final = 0.25
_ENOUGH_SECONDS: Final = 8.0


@dataclass(frozen=True)
class Measurement:
    """How fast this machine generates.

    `tokens_per_second` is that of all cores together, or of the GPU. `seconds` is the length of the measurement, 0
    where nothing was measured for the reason `why`. `is_rough`: only the linear layers were timed, since the time limit
    came before any text. `machine` has `cpu_capability` and `gpu`, where torch had loaded.
    """

    tokens_per_second: float
    seconds: float
    is_rough: bool = False
    why: str = ""
    machine: dict[str, Any] = field(default_factory=dict)

    @property
    def spread(self) -> tuple[float, float]:
        """From which to which multiple of the estimate the time may well be."""
        if self.seconds == 0:
            # The slowest machine that was measured is an upper bound for most.
            return 0.1, 1.4
        return (0.5, 2.0) if self.is_rough or self.seconds < LONG_ENOUGH_S else (0.7, 1.4)


def measure_speed(config: Config, *, folder: str, prompts: Sequence[str], seconds: float) -> Measurement:
    """Generate unsteered completions in a separate process, which is ended at the time limit wherever it is.

    The time limit (`seconds`) includes loading.

    Raises:
        InputError: When the model can't be loaded, or a prompt is too long for it.
    """
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as scratch:
        request, errors = Path(scratch) / "request.json", Path(scratch) / "stderr"
        facts = {"config": config.model_dump(mode="json"), "folder": folder, "prompts": list(prompts)}
        request.write_text(json.dumps(facts | {"seconds": seconds}), encoding="utf-8")
        command = [sys.executable, "-m", MODULE, str(request)]
        with errors.open("w") as stderr:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            return _latest(_messages(process, end=end), errors=errors)
        finally:
            process.kill()
            process.wait()


def _messages(process: "subprocess.Popen[str]", *, end: float) -> Iterator[dict[str, Any]]:
    """What the process prints, line by line, until it ends or the time is up."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            return
        if line is None:
            if process.wait() != 0:
                yield {"crashed": True}
            return
        yield json.loads(line)


def _latest(messages: Iterator[dict[str, Any]], *, errors: Path) -> Measurement:
    facts: dict[str, Any] = {"machine": {}, "tokens": 0, "seconds": 0.0, "is_rough": True}
    for one in messages:
        if "crashed" in one:
            last = (errors.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["killed"])[-1]
            what = f"the model's speed can't be measured: {last}"
            raise InputError(what, where="doctor", fix="use --seconds 0 to do without")
        if "error" in one:
            raise InputError(**one["error"])
        facts |= one
    speed = facts["tokens"] / facts["seconds"] if facts["seconds"] else 0.0
    return Measurement(speed, facts["seconds"], facts["is_rough"], machine=facts["machine"])


def main(request: Path) -> None:
    """Generate and print how far it is, until the time is up or the process is ended."""
    facts = json.loads(request.read_text(encoding="utf-8"))
    end = time.monotonic() + facts["seconds"]
    try:
        _write(Config.model_validate(facts["config"]), folder=facts["folder"], prompts=facts["prompts"], end=end)
    except InputError as error:
        _say(error={"what": error.what, "where": error.where, "fix": error.fix})


def _say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def _write(config: Config, *, folder: str, prompts: Sequence[str], end: float) -> None:
    known = machine_facts()
    _say(machine={name: known[name] for name in ("cpu_capability", "gpu")})

    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - costs seconds

    from steering_reliability.generation.engine import Engine  # noqa: PLC0415
    from steering_reliability.generation.memory import memory_budget  # noqa: PLC0415
    from steering_reliability.generation.requests import CompletionRequest  # noqa: PLC0415
    from steering_reliability.generation.rows import rows_of  # noqa: PLC0415
    from steering_reliability.model.loading import load_model  # noqa: PLC0415

    disable_progress_bar()
    model = load_model(folder, device=config.model.device, dtype=config.model.dtype)
    _read_single_tokens(model)
    settings: dict[str, Any] = dict(config.model.templates())
    settings |= config.generation.model_dump(include={"max_new_tokens", "temperature", "top_p", "seed"})
    request = CompletionRequest(
        prompts=[(text, text) for text in prompts],
        # Many stand for many conditions: a prompt is read once for all of them.
        samples=math.ceil(_ROWS / len(prompts)),
        positions="generated",
        **settings,
    )
    rows = rows_of(request, model=model, direction=None)
    memory = memory_budget(int(config.generation.memory_gib * (1 << 30)), device=model.device)
    engine = Engine(
        model, hook_point="resid_post", max_rows=min(config.generation.batch_size, len(rows)), memory=memory
    )
    start, before, said = 0.0, 0, 0.0
    while time.monotonic() < end and said - start < _ENOUGH_SECONDS:
        if not engine.waiting:
            engine.submit(rows)
        engine.step()
        now = time.monotonic()
        if engine.tokens_written == 0:
            continue
        if not start:
            # The prompts are read; in a run that is done once for all conditions.
            start, before, said = now, engine.tokens_written, now
        elif now - said > _NEWS_SECONDS:
            said = now
            _say(tokens=engine.tokens_written - before, seconds=now - start, is_rough=False)


def _read_single_tokens(model: "LoadedModel") -> None:
    """Time the linear layers alone, since on a busy machine the prompts may not be read in time."""
    import torch  # noqa: PLC0415 - costs seconds

    rows = torch.zeros(_ROWS, 1, dtype=torch.long, device=model.device)
    seconds = []
    with torch.inference_mode():
        for _ in range(2):
            start = time.monotonic()
            # Reading a number waits for a GPU.
            float(model.bridge.original_model(rows).logits[0, 0, 0])
            seconds.append(time.monotonic() - start)
            _say(tokens=_ROWS, seconds=min(seconds) / _LINEAR_SHARE, is_rough=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
