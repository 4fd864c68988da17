"""One shard: the completions of one condition on one split, asked of the worker and written whole."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.files import atomic_write
from steering_reliability.process.ledger import record_making
from steering_reliability.worker.client import request_completions
from steering_reliability.worker.pool import choose_workers
from steering_reliability.worker.protocol import WorkerIdentity


@dataclass(frozen=True)
class ShardCondition:
    """What a shard's rows were written under; all None but the seed for the baseline."""

    seed: int
    direction: str | None = None
    intervention: str | None = None
    layer: int | None = None
    alpha: float = 0.0


def write_shard(
    output: str | Path,
    *,
    prompts: str | Path,
    split: str,
    condition: ShardCondition,
    settings: Mapping[str, Any],
    worker: WorkerIdentity,
    worker_log: Path,
    direction_file: str | None = None,
    limit: int | None = None,
) -> None:
    """Write the completions of one condition on one split; what they were computed with goes to the job's log.

    Args:
        output: The shard, JSON Lines.
        prompts: Prepared prompts of the split.
        split: Its name.
        condition: What the rows are written under.
        settings: `max_new_tokens`, `temperature`, `top_p`, `samples`, `system_prompt`, `chat_template`, `positions`,
            `alpha_unit` for `add`, and perhaps `stop_strings` and `is_scored`.
        worker: Which worker writes.
        worker_log: Where a worker that is started here logs.
        direction_file: `.pt` of the direction; None for the baseline.
        limit: First prompts to use; None for all.

    Raises:
        InputError: When the worker refuses.
        WorkerDied: When it ended without an answer.
    """
    lines = Path(prompts).read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines[:limit]]
    steering = None
    if condition.direction is not None:
        steering = {
            "direction": str(Path(direction_file or "").resolve()),
            "intervention": condition.intervention,
            "layer": condition.layer,
            "alpha": condition.alpha,
            "alpha_unit": settings.get("alpha_unit"),
        }
    request = {
        **{name: value for name, value in settings.items() if name != "alpha_unit"},
        "prompts": [[prompt["id"], prompt["prompt"]] for prompt in asked],
        "seed": condition.seed,
        "steering": steering,
    }
    answers = request_completions(request, worker=worker, log=worker_log, record=record_making)
    _write(Path(output), _rows(asked, answers, split=split, samples=settings["samples"], condition=condition))


def _rows(
    asked: Iterable[Mapping[str, Any]],
    answers: list[dict[str, Any]],
    *,
    split: str,
    samples: int,
    condition: ShardCondition,
) -> Iterable[dict[str, Any]]:
    given = iter(answers)
    for prompt in asked:
        for sample in range(samples):
            yield {
                "id": prompt["id"],
                "split": split,
                "sample": sample,
                "prompt": prompt["prompt"],
                **next(given),
                "direction": condition.direction,
                "intervention": condition.intervention,
                "layer": condition.layer,
                "alpha": condition.alpha,
                "seed": condition.seed,
            }


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with atomic_write(path) as scratch, scratch.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


def worker_identity(
    model_file: str | Path, numbers: Mapping[str, Any], *, rows: int, memory_mb: int, workers: int, code: str
) -> WorkerIdentity:
    """The worker that serves this run: same model, same number format, same code, same Snakemake process.

    Args:
        model_file: config.json in the model's folder.
        numbers: `device`, `dtype` and `hook_point`.
        rows: Most rows at once.
        memory_mb: Most memory beside the model.
        workers: How many workers the run has; 0 lets us choose.
        code: Digest of the code that the worker runs, as it was when the run began.
    """
    folder = Path(model_file).resolve().parent
    return WorkerIdentity(
        folder=str(folder),
        device=numbers["device"],
        dtype=numbers["dtype"],
        hook_point=numbers["hook_point"],
        max_rows=int(rows),
        memory_mb=int(memory_mb),
        owner=int(os.environ["STEERING_OWNER"]),
        code=code,
        of=choose_workers(workers or None, device=numbers["device"], model=folder, memory=int(memory_mb) << 20),
    )
