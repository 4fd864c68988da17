"""The model as Hugging Face loads it: no bridge, no cache and no attention of ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM


def load_plain_model(folder: Path) -> Any:
    """Load a folder in float32 with the plainest attention."""
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


@torch.inference_mode()
def read_plainly(plain: Any, tokens: Sequence[int], *, hook_point: str) -> Tensor:
    """Residual stream of one unpadded text, [layers, tokens, d_model]."""
    seen: list[Tensor] = []
    handles = [
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0].clone()))
        if hook_point == "resid_pre"
        else block.register_forward_hook(lambda *call: seen.append(call[2][0].clone()))
        for block in plain.model.layers
    ]
    try:
        plain(torch.tensor([list(tokens)]))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(seen)
