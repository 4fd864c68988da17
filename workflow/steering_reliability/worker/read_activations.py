"""The activations stage where a worker holds the model: the texts that a method compares, read by the worker."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from steering_reliability.directions.activations import TEMPLATES, locate_tokens, read_texts
from steering_reliability.directions.files import Activations, write_activations
from steering_reliability.model.loading import load_tokenizer, read_context
from steering_reliability.process.ledger import record_making
from steering_reliability.worker.client import ask
from steering_reliability.worker.protocol import WorkerIdentity


def read_activations_there(
    output: str | Path,
    *,
    folder: str | Path,
    harm_train: str | Path,
    extra: Sequence[str],
    settings: Mapping[str, Any],
    worker: WorkerIdentity,
    worker_log: Path,
) -> None:
    """Have the run's worker read the residual streams that a method compares, and write them.

    What read them goes to the job's log; the arguments are those of `measure_activations`.

    Raises:
        InputError: When prompts, outcomes or model can't be used.
    """
    refusing, complying, paired = read_texts(harm_train, extra=extra, settings=settings)
    tokenizer, context = load_tokenizer(folder), read_context(folder)
    templates = {name: settings[name] for name in TEMPLATES if name in settings}
    position = settings["position"]
    texts = [
        locate_tokens(text, tokenizer=tokenizer, context=context, position=position, **templates)
        for text in [*refusing, *complying]
    ]
    with tempfile.TemporaryDirectory(dir=Path(output).parent, prefix=".streams-") as scratch:
        file = Path(scratch).resolve() / "streams.safetensors"
        # They share a disk, as a worker and the directions of its rows do; a message would be many times as long.
        answer = ask({"ask": "read", "texts": texts, "output": str(file)}, worker=worker.pool()[0], log=worker_log)
        streams = load_file(file)["streams"]
    # Place i is what block i reads, place i + 1 what it writes.
    streams = streams[:, :-1] if settings["hook_point"] == "resid_pre" else streams[:, 1:]
    record_making(answer["facts"])
    write_activations(output, Activations(streams[: len(refusing)], streams[len(refusing) :], paired))
