"""The way between the host and the device, the only one of a decode step: each crossing makes a GPU's queue wait."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def to_device(values: Sequence[Any], *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers of the host as a tensor on the device, in one copy."""
    return torch.tensor(values, dtype=dtype).to(device)


def to_host(values: Tensor) -> Any:
    """A tensor's numbers as nested lists, in one copy."""
    return values.cpu().tolist()
