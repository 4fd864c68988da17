"""The rows of a request."""

from dataclasses import replace

import pytest
import torch
from some_rows import make_request
from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.generation.requests import SteeringRequest
from steering_reliability.generation.rows import rows_of
from tiny_model import planted_direction

DIRECTION = StoredDirection(planted_direction() * 3, 3.0, 2.5, {"layer": 1, "mean_projection_complying": -0.5})


@pytest.mark.parametrize(
    ("intervention", "unit", "coefficients"),
    [
        ("add", "resid_norm", (5.0, 0.0, False)),
        ("add_keep_norm", "unit", (6.0, 0.0, True)),
        ("ablate", "", (0.0, 2.0, False)),
        ("ablate_affine", "", (-1.0, 2.0, False)),
        ("clamp", "resid_norm", (5.0, 1.0, False)),
    ],
)
def test_an_alpha_comes_to_coefficients_along_a_unit_vector(tiny_model, intervention, unit, coefficients):
    asked = make_request(["Hi"], steering=SteeringRequest(intervention, "1", 2.0, (1,), unit))
    row, other = rows_of(asked, model=tiny_model, direction=DIRECTION)
    ((block, how),) = row.steering.blocks.items()
    assert (block, how.add, how.ablate, how.keep_norm) == (1, *coefficients)
    torch.testing.assert_close(how.unit, planted_direction())
    assert (len(row.openings), len(other.openings)) == (2, 0)
    assert row.uniforms != other.uniforms
    assert row.steering.steers(len(row.tokens)) and not row.steering.steers(0)


def test_every_block_has_its_own_direction_and_length_or_all_have_one(tiny_model):
    other = StoredDirection(-planted_direction(), 1.0, 4.0, {"layer": 2})
    asked = make_request(["Hi"], samples=1, steering=SteeringRequest("add", "2+0", 2.0, (2, 0)))
    (own,) = rows_of(asked, model=tiny_model, direction=[other, DIRECTION])
    assert {block: how.add for block, how in own.steering.blocks.items()} == {2: 8.0, 0: 5.0}
    torch.testing.assert_close(own.steering.blocks[2].unit, -planted_direction())
    assert own.steering.first == 0
    asked = replace(asked, steering=SteeringRequest("add", "all", 2.0, "all"))
    (same,) = rows_of(asked, model=tiny_model, direction=other)
    assert {block: how.add for block, how in same.steering.blocks.items()} == dict.fromkeys(range(3), 8.0)


@pytest.mark.parametrize(
    ("steering", "directions", "message"),
    [
        (SteeringRequest("add", "0-2", 1.0, (0, 1, 2)), [DIRECTION] * 2, "2 directions for 3 blocks"),
        (SteeringRequest("add", "1", 1.0, (1,)), [], "0 directions for 1 blocks"),
        (
            SteeringRequest("ablate_affine", "1", 1.0, (1,)),
            [replace(DIRECTION, statistics={})],
            "lacks mean_projection_complying",
        ),
    ],
)
def test_directions_that_do_not_fit_the_blocks_are_refused(tiny_model, steering, directions, message):
    with pytest.raises(InputError, match=message):
        rows_of(make_request(["Hi"], steering=steering), model=tiny_model, direction=directions)


def test_a_clamp_to_zero_is_an_ablation_and_not_the_baseline(tiny_model):
    clamped, added = (
        rows_of(
            make_request(["Hi"], steering=SteeringRequest(name, "1", 0.0, (1,))), model=tiny_model, direction=DIRECTION
        )[0]
        for name in ("clamp", "add")
    )
    assert (clamped.is_unsteered, added.is_unsteered) == (False, True)


def test_a_prompt_template_reaches_prompt_and_openings(tiny_model):
    asked = make_request(["Tell me."], chat_template="none", prompt_template="Q: {prompt}\nA:", samples=1)
    (row,) = rows_of(asked, model=tiny_model, direction=None)
    assert tiny_model.tokenizer.decode(row.tokens) == "Q: Tell me.\nA:"
    assert [tiny_model.tokenizer.decode(opening) for opening in row.openings] == [" I'm sorry", " Sure"]
    assert row.is_unsteered
