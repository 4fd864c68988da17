"""Which GPUs each of several workers takes."""

import pytest
from steering_reliability.worker.vllm_server import gpus_of


@pytest.mark.parametrize(
    ("number", "size", "listed", "expected"),
    [(0, 2, None, "0,1"), (1, 2, None, "2,3"), (1, 1, "5,7", "7"), (0, 2, "GPU-a,GPU-b,GPU-c", "GPU-a,GPU-b")],
)
def test_every_worker_has_gpus_of_its_own(number, size, listed, expected):
    assert gpus_of(number, size=size, listed=listed, n_gpus=4) == expected
