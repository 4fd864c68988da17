"""Where numbers of double precision are: not on a Mac's GPU, which has none."""

import torch


def float64_device(device: torch.device) -> torch.device:
    """The device itself, or the CPU where it knows no float64."""
    return torch.device("cpu") if device.type == "mps" else device
