"""How much memory a worker may use, and how a failed allocation looks."""

from pathlib import Path

import torch

# Beside the rows and the prompts there are logits and the scoring pass.
ROWS_SHARE, PROMPTS_SHARE = 0.6, 0.3


def memory_budget(wanted: int, *, device: torch.device) -> int:
    """What the worker may use beside the model, in bytes: what the user allows, or four fifths of what is free.

    Args:
        wanted: What the user allows.
        device: Where the model lies; it is loaded already.
    """
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_here()
    return min(wanted, free * 4 // 5)


def _free_here(*, meminfo: Path = Path("/proc/meminfo"), group: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this machine, or the control group that this process is confined to, can still give."""
    limits = [1 << 62]
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines())
        limits.append(int(lines["MemAvailable"].split()[0]) * 1024)
    try:
        most = (group / "memory.max").read_text(encoding="utf-8").strip()
        used = (group / "memory.current").read_text(encoding="utf-8").strip()
    except OSError:
        return min(limits)
    return min(*limits, int(most) - int(used)) if most != "max" else min(limits)


def is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that memory could not be had, on a GPU or here."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
