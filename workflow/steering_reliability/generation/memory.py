"""How much memory an engine may use, and how to recognise that it ran out."""

from pathlib import Path

import psutil
import torch

# Beside the rows and the prompts there are logits and the scoring pass.
ROWS_SHARE, PROMPTS_SHARE = 0.6, 0.3


def memory_budget(wanted: int, *, device: torch.device) -> int:
    """What an engine may use beside a loaded model, in bytes: what the user wants, or four fifths of what is free."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_here()
    return min(wanted, free * 4 // 5)


def _free_here(*, group: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this machine, or the control group that this process is confined to, can still give."""
    free: int = psutil.virtual_memory().available
    try:
        most = (group / "memory.max").read_text(encoding="utf-8").strip()
        used = (group / "memory.current").read_text(encoding="utf-8").strip()
    except OSError:
        return free
    return free if most == "max" else min(free, int(most) - int(used))


def is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that memory ran out, on a GPU or here."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
