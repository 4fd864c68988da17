"""What an alpha comes to."""

import pytest
import torch
from steering_reliability.directions.coefficient import coefficient_of
from steering_reliability.directions.files import StoredDirection

RECORD = {"vector_norm": 2.0, "resid_norm": 40.0, "norm_before_normalizing": 8.0}


@pytest.mark.parametrize(
    ("intervention", "unit", "expected"),
    [
        ("add", "resid_norm", -20.0),
        ("add", "unit", -1.0),
        ("add", "difference", -4.0),
        ("add_keep_norm", "unit", -1.0),
        ("clamp", "resid_norm", -20.0),
        ("ablate", "resid_norm", -0.5),
        ("ablate_affine", "", -0.5),
        ("ablate", "", -0.5),
    ],
)
def test_a_length_has_a_unit_and_an_ablation_has_none(intervention, unit, expected):
    assert coefficient_of(RECORD, alpha=-0.5, intervention=intervention, unit=unit) == expected
    direction = StoredDirection(torch.ones(4), 2.0, 40.0, {"norm_before_normalizing": 8.0})
    assert direction.coefficient(-0.5, intervention=intervention, unit=unit) == expected
