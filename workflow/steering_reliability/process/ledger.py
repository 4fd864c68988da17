"""What each file was computed with: a line in its job's log, and the count of all lines of a run."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from steering_reliability.process.machine import code_commit

_LINE: Final = "made with "
_NAMES: Final = {
    "processor": "processor",
    "gpu": "GPU",
    "device": "device",
    "dtype": "number format",
    "torch": "torch",
    "transformer_lens": "TransformerLens",
    "vllm": "vLLM",
    "tensor_parallel_size": "tensor parallel size",
    "batch_invariant": "batch-invariant mode",
    "cpu_capability": "instructions",
    "architecture": "architecture",
    "system": "system",
}
"""What may show in the last digits of a number, and its name in a sentence; the commit is recorded and not compared."""


def record_making(facts: Mapping[str, Any]) -> None:
    """Print `LoadedModel.facts` and the commit of the code, as a line for the log of the file's job."""
    print(_LINE + json.dumps({**facts, "commit": code_commit()}, ensure_ascii=False, sort_keys=True), flush=True)


def read_ledger(logs: Iterable[Path]) -> list[dict[str, Any]]:
    """Count the files of a run by what they were made with, from the log of each file's job.

    Returns:
        For each set of facts `files` and the facts, most files first; `files` alone for logs that do not say.
    """
    counts = sorted(Counter(map(_facts, logs)).items(), key=lambda counted: (-counted[1], counted[0]))
    return [{"files": n, **json.loads(facts)} for facts, n in counts]


def _facts(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "{}"
    return next((line.removeprefix(_LINE) for line in reversed(lines) if line.startswith(_LINE)), "{}")


def mixture_note(ledger: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence on a run whose files were computed in different ways; None where they were not or nothing is known."""
    known = [entry for entry in ledger if len(entry) > 1]
    differing = [name for name in _NAMES if len({json.dumps(entry.get(name)) for entry in known}) > 1]
    if not differing:
        return None
    counts: Counter[str] = Counter()
    for entry in known:
        kind = ", ".join(f"{_NAMES[name]} {entry.get(name) or 'none'}" for name in differing)
        counts[kind] += int(entry["files"])
    kinds = "; ".join(f"{n} with {kind}" for kind, n in counts.items())
    return (
        f"The files that the model computed were made in different ways: {kinds}. Differences between their numbers "
        "may come from this alone."
    )
