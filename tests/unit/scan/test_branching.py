"""Branching measures what the engine measures for the same rows."""

from itertools import product

import pytest
import torch
from some_rows import PROMPTS, make_row
from steering_reliability.generation.engine import Engine
from steering_reliability.interventions.steer import unit_vector
from steering_reliability.scan.branching import Branching
from steering_reliability.scan.tail import make_tail

POSITIONS = ("all", "prompt", "last_prompt_token", "after_prompt", "generated", "first_generated_token")
OPENINGS = ("I'm sorry, but", "Sure, here is how")
LENGTHS = (3.0, -1.0)


def by_engine(model, rows, *, hook_point):
    """Change of propensity and KL of each steered row; the unsteered ones come first."""
    done = Engine(model, hook_point=hook_point, max_rows=16).generate(rows)
    propensity = [one.opening_logprobs[0] - one.opening_logprobs[1] for one in done]
    before = dict(zip([row.tokens for row in rows[: len(PROMPTS)]], propensity, strict=False))
    return [
        (value - before[row.tokens], one.first_token_kl) for row, value, one in zip(rows, propensity, done, strict=True)
    ][len(PROMPTS) :]


def rows_and_tails(model, *, layer, positions, openings, lengths, prompts=PROMPTS):
    tokens = tuple(tuple(model.tokenizer.encode(text, add_special_tokens=False)) for text in openings)
    usual = {"openings": tokens, "positions": positions, "new_tokens": 1}
    rows = [make_row(model, prompt, **usual) for prompt in prompts]
    steered = [make_row(model, p, layer=layer, add=length, **usual) for p, length in product(prompts, lengths)]
    spans = [row.steering.span for row in steered[:: len(lengths)]]
    tails = [make_tail(row.tokens, openings=tokens, span=span) for row, span in zip(rows, spans, strict=True)]
    return rows + steered, tails


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post", "resid_both"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_every_position_layer_and_strength_is_what_the_engine_measures(tiny_model, positions, hook_point):
    for layer in range(tiny_model.n_layers):
        rows, tails = rows_and_tails(tiny_model, layer=layer, positions=positions, openings=OPENINGS, lengths=LENGTHS)
        reading = Branching(tiny_model, tails, hook_point=hook_point)
        unit = rows[-1].steering.blocks[layer].unit
        found = reading.steer_at(layer, units=torch.stack([unit] * 2), coefficients=torch.tensor(LENGTHS))
        expected = torch.tensor(by_engine(tiny_model, rows, hook_point=hook_point)).view(len(PROMPTS), 2, 2)
        assert expected[..., 0].abs().max() > 0.01
        torch.testing.assert_close(found.propensity_change.float(), expected[..., 0], atol=1e-4, rtol=0)
        torch.testing.assert_close(found.first_token_kl.float(), expected[..., 1], atol=1e-4, rtol=0)


def test_the_steerings_beside_change_nothing(tiny_model):
    _, tails = rows_and_tails(tiny_model, layer=1, positions="after_prompt", openings=OPENINGS, lengths=LENGTHS)
    units = torch.stack([unit_vector(torch.randn(32, generator=torch.Generator().manual_seed(at))) for at in range(5)])
    lengths = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    together = Branching(tiny_model, tails, hook_point="resid_post").steer_at(1, units=units, coefficients=lengths)
    for at in range(5):
        reading = Branching(tiny_model, tails[:1], hook_point="resid_post")
        # Another layer before, which leaves its keys and values behind.
        reading.steer_at(0, units=units[:1], coefficients=lengths[4:])
        alone = reading.steer_at(1, units=units[at : at + 1], coefficients=lengths[at : at + 1])
        for name in ("propensity_change", "first_token_kl"):
            found, expected = (float(getattr(one, name)[0, i]) for one, i in ((alone, 0), (together, at)))
            assert found == pytest.approx(expected, abs=1e-5)


def test_strength_zero_changes_nothing(tiny_model):
    _, tails = rows_and_tails(tiny_model, layer=1, positions="all", openings=OPENINGS, lengths=(0.0,))
    for keep_norm in (False, True):
        found = Branching(tiny_model, tails, hook_point="resid_pre").steer_at(
            1, units=torch.eye(32)[:1], coefficients=torch.zeros(1), keep_norm=keep_norm
        )
        assert found.propensity_change.abs().max() < 1e-5
        assert found.first_token_kl.abs().max() < 1e-6


def test_keeping_the_norm_is_adding_and_scaling_back(tiny_model):
    """At the last block what follows is the final norm, which no length passes: the two are the same there."""
    _, tails = rows_and_tails(tiny_model, layer=1, positions="after_prompt", openings=OPENINGS, lengths=LENGTHS)
    reading = Branching(tiny_model, tails, hook_point="resid_post")
    unit = {"units": torch.eye(32)[:1], "coefficients": torch.tensor([3.0])}
    kept, free = (reading.steer_at(2, **unit, keep_norm=keep_norm) for keep_norm in (True, False))
    torch.testing.assert_close(kept.propensity_change, free.propensity_change, atol=1e-3, rtol=1e-3)
    kept, free = (reading.steer_at(0, **unit, keep_norm=keep_norm) for keep_norm in (True, False))
    assert (kept.first_token_kl - free.first_token_kl).abs().max() > 1e-3


def test_both_points_of_a_block_are_steered(tiny_model):
    """At the last block no other layer reads between its output and the end: there both is pre, then post."""
    _, tails = rows_and_tails(tiny_model, layer=2, positions="all", openings=OPENINGS, lengths=LENGTHS)
    unit = torch.eye(32)[:1]
    kl = {
        point: Branching(tiny_model, tails, hook_point=point)
        .steer_at(2, units=unit, coefficients=torch.tensor([2.0]))
        .first_token_kl
        for point in ("resid_pre", "resid_post", "resid_both")
    }
    assert (kl["resid_both"] > torch.maximum(kl["resid_pre"], kl["resid_post"])).all()


@pytest.mark.real_model
def test_the_real_model_is_measured_as_by_the_engine(real_model):
    layer, lengths = 14, (20.0, 60.0)
    rows, tails = rows_and_tails(
        real_model, layer=layer, positions="after_prompt", openings=("I'm sorry", "Sure, here"), lengths=lengths
    )
    reading = Branching(real_model, tails, hook_point="resid_post")
    units = torch.stack([rows[-1].steering.blocks[layer].unit] * 2)
    found = reading.steer_at(layer, units=units, coefficients=torch.tensor(lengths))
    expected = torch.tensor(by_engine(real_model, rows, hook_point="resid_post")).view(len(PROMPTS), 2, 2)
    atol = 1e-4 if real_model.dtype == torch.float32 else 0.1
    torch.testing.assert_close(found.propensity_change.float(), expected[..., 0], atol=atol, rtol=0)
    torch.testing.assert_close(found.first_token_kl.float(), expected[..., 1], atol=atol, rtol=0)
