"""The arithmetic of the interventions, by hand, and as hooks of the bridge."""

import pytest
import torch
from steering_reliability.interventions.steer import (
    ablate_affine_hook,
    ablate_hook,
    add_hook,
    add_keep_norm_hook,
    block_steering,
    clamp_hook,
    hook_places,
    steer,
    steered_span,
    unit_vector,
)

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
        clamp_hook(torch.tensor(vector), alpha=1.0)
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


@pytest.mark.parametrize("keep_norm", [None, torch.ones(64, dtype=torch.bool)])
def test_strength_zero_keeps_every_bit_in_every_format(keep_norm):
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        resid = torch.randn(64, 32, generator=torch.Generator().manual_seed(0)).to(dtype)
        resid[0] = 0
        zeros = torch.zeros(64)
        found = steer(resid, unit=unit_vector(torch.ones(32)), add=zeros, ablate=zeros, keep_norm=keep_norm)
        assert found.dtype == dtype
        assert torch.equal(found, resid)


def test_the_length_is_kept_of_the_rows_that_ask_for_it_and_others_keep_their_bits():
    generator = torch.Generator().manual_seed(0)
    resid, unit = torch.randn(40, 32, generator=generator), unit_vector(torch.randn(32, generator=generator))
    how = {"unit": unit, "add": torch.full((40,), 3.0), "ablate": torch.zeros(40)}
    keep = torch.arange(40) % 2 == 0
    plain, mixed = steer(resid, **how), steer(resid, **how, keep_norm=keep)
    assert torch.equal(mixed[~keep], plain[~keep])
    torch.testing.assert_close(mixed[keep].norm(dim=-1), resid[keep].norm(dim=-1))
    torch.testing.assert_close(mixed / mixed.norm(dim=-1, keepdim=True), plain / plain.norm(dim=-1, keepdim=True))
    # The sum may come to nothing, which has no length to scale.
    gone = steer(unit, unit=unit, add=torch.tensor(-1.0), ablate=torch.tensor(0.0), keep_norm=torch.tensor(True))
    assert bool(torch.isfinite(gone).all())


# RESID . u = 2.8 and |RESID| = 3, |VECTOR| = 5; RESID + 5 u = (1, 5, 6), whose length is the root of 62.
HOOKS = {
    "add": (add_hook(VECTOR, alpha=-1.0), -5.0, [1.0, -1.0, -2.0]),
    "add_keep_norm": (add_keep_norm_hook(VECTOR, alpha=1.0), 5.0, [3 * x / 62**0.5 for x in (1, 5, 6)]),
    "ablate": (ablate_hook(VECTOR, alpha=0.5), 0.5, [1.0, 2.0 - 0.84, 2.0 - 1.12]),
    # Half of the way from 2.8 to 0.8.
    "ablate_affine": (ablate_affine_hook(VECTOR, mean_projection=0.8, alpha=0.5), 0.5, [1.0, 2.0 - 0.6, 2.0 - 0.8]),
    # To 10: 7.2 more.
    "clamp": (clamp_hook(VECTOR, alpha=2.0), 10.0, [1.0, 2.0 + 4.32, 2.0 + 5.76]),
}


@pytest.mark.parametrize("intervention", HOOKS)
def test_a_hook_does_by_hand_what_the_engine_is_told_to_do(intervention):
    hook, coefficient, expected = HOOKS[intervention]
    resid = RESID.expand(2, 3, 3)
    torch.testing.assert_close(hook(resid, hook=None), torch.tensor(expected).expand(2, 3, 3))
    assert torch.equal(resid, RESID.expand(2, 3, 3))
    told = block_steering(intervention, vector=VECTOR, coefficient=coefficient, mean_projection=0.8)
    numbers = {"add": torch.tensor(told.add), "ablate": torch.tensor(told.ablate)}
    found = steer(RESID, unit=told.unit, **numbers, keep_norm=torch.tensor(told.keep_norm))
    torch.testing.assert_close(found, torch.tensor(expected))


def test_what_a_block_reads_comes_before_what_it_writes():
    assert hook_places("resid_both") == ("resid_pre", "resid_post")
    assert hook_places("resid_pre") == ("resid_pre",)


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
