"""The arithmetic of the two interventions, by hand, and as hooks of the bridge."""

import pytest
import torch
from steering_reliability.interventions.steer import ablate_hook, add_hook, steer, steered_span, unit_vector

RESID = torch.tensor([1.0, 2.0, 2.0])
VECTOR = torch.tensor([0.0, 3.0, 4.0])


def test_a_unit_vector_by_hand():
    torch.testing.assert_close(unit_vector(VECTOR), torch.tensor([0.0, 0.6, 0.8]))


@pytest.mark.parametrize("vector", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_a_vector_without_a_direction_is_refused(vector):
    with pytest.raises(ValueError, match="can't steer"):
        unit_vector(torch.tensor(vector))
    with pytest.raises(ValueError, match="can't steer"):
        add_hook(torch.tensor(vector), alpha=1.0)
    with pytest.raises(ValueError, match="can't steer"):
        ablate_hook(torch.tensor(vector))


@pytest.mark.parametrize(
    ("add", "ablate", "expected"),
    [
        (0.0, 0.0, [1.0, 2.0, 2.0]),
        (5.0, 0.0, [1.0, 5.0, 6.0]),
        (-5.0, 0.0, [1.0, -1.0, -2.0]),
        # RESID . unit = 2.8
        (0.0, 1.0, [1.0, 2.0 - 1.68, 2.0 - 2.24]),
        (0.0, 0.5, [1.0, 2.0 - 0.84, 2.0 - 1.12]),
        (0.0, -1.0, [1.0, 2.0 + 1.68, 2.0 + 2.24]),
    ],
)
def test_a_row_by_hand(add, ablate, expected):
    found = steer(RESID, unit=unit_vector(VECTOR), add=torch.tensor(add), ablate=torch.tensor(ablate))
    torch.testing.assert_close(found, torch.tensor(expected))


def test_rows_have_their_own_coefficients_and_directions():
    units = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = steer(
        RESID.expand(3, 3), unit=units, add=torch.tensor([10.0, 0.0, 0.0]), ablate=torch.tensor([0.0, 1.0, 0.0])
    )
    torch.testing.assert_close(found, torch.tensor([[11.0, 2.0, 2.0], [1.0, 0.0, 2.0], [1.0, 2.0, 2.0]]))


def test_nothing_is_left_along_an_ablated_direction():
    generator = torch.Generator().manual_seed(0)
    resid = torch.randn(500, 576, generator=generator) * 50
    unit = unit_vector(torch.randn(576, generator=generator))
    left = steer(resid, unit=unit, add=torch.zeros(500), ablate=torch.ones(500)) @ unit
    assert bool((left.abs() < 1e-5 * resid.norm(dim=-1)).all())
    assert bool(((resid @ unit).abs() > 1e-5 * resid.norm(dim=-1)).float().mean() > 0.99)


def test_strength_zero_keeps_every_bit_in_every_format():
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        resid = torch.randn(64, 32, generator=torch.Generator().manual_seed(0)).to(dtype)
        found = steer(resid, unit=unit_vector(torch.ones(32)), add=torch.zeros(64), ablate=torch.zeros(64))
        assert found.dtype == dtype
        assert torch.equal(found, resid)


# A prompt of 10 tokens, whose user text ends before token 7.
EXPECTED = {
    "all": [*range(13)],
    "prompt": [*range(10)],
    "last_prompt_token": [9],
    "after_prompt": [7, 8, 9, 10, 11, 12],
    "generated": [10, 11, 12],
    "first_generated_token": [10],
}


@pytest.mark.parametrize(("positions", "steered"), EXPECTED.items())
def test_of_a_prompt_and_three_written_tokens(positions, steered):
    first, end = steered_span(positions, user_end=7, prompt_length=10)
    assert [token for token in range(13) if first <= token and (end is None or token < end)] == steered


def test_without_a_template_after_prompt_begins_at_the_last_prompt_token():
    assert steered_span("after_prompt", user_end=9, prompt_length=10) == (9, None)
