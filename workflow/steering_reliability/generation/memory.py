"""How much memory an engine may use, and how to recognise that it ran out."""

import torch

from steering_reliability.process.system import free_memory

# Beside the rows and the prompts there are logits and the scoring pass.
ROWS_SHARE, PROMPTS_SHARE = 0.6, 0.3
# By a processor's allocator, and by that of a Mac's GPU.
_SAID = ("can't allocate memory", "MPS backend out of memory")


def memory_budget(wanted: int, *, device: torch.device) -> int:
    """What an engine may use beside a loaded model, in bytes: what the user wants, or four fifths of what is free."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    return min(wanted, free * 4 // 5)


def is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that memory ran out, on a GPU or here."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(one in str(error) for one in _SAID)
