"""Where float64 is; tests/unit/test_mps.py shows that nothing needs it elsewhere."""

import torch
from fake_mps import MPS
from steering_reliability.model.precision import float64_device


def test_only_where_there_is_float64_is_it_used():
    assert float64_device(MPS) == torch.device("cpu")
    for device in ("cpu", "cuda:1"):
        assert float64_device(torch.device(device)) == torch.device(device)
