"""The rows of a request."""

import pytest
import torch
from some_rows import make_request
from steering_reliability.directions.files import StoredDirection
from steering_reliability.generation.requests import SteeringRequest
from steering_reliability.generation.rows import rows_of
from tiny_model import planted_direction

DIRECTION = StoredDirection(planted_direction() * 3, 3.0, 2.5, {"layer": 1})


@pytest.mark.parametrize(
    ("intervention", "unit", "coefficients"), [("add", "resid_norm", (5.0, 0.0)), ("ablate", "", (0.0, 2.0))]
)
def test_an_alpha_comes_to_a_coefficient_along_a_unit_vector(tiny_model, intervention, unit, coefficients):
    asked = make_request(["Hi"], steering=SteeringRequest(intervention, 1, 2.0, unit))
    row, other = rows_of(asked, model=tiny_model, direction=DIRECTION)
    assert (row.steering.layer, row.steering.add, row.steering.ablate) == (1, *coefficients)
    torch.testing.assert_close(row.steering.unit, planted_direction())
    assert (len(row.openings), len(other.openings)) == (2, 0)
    assert row.uniforms != other.uniforms
    assert row.steering.steers(len(row.tokens)) and not row.steering.steers(0)


def test_a_prompt_template_reaches_prompt_and_openings(tiny_model):
    asked = make_request(["Tell me."], chat_template="none", prompt_template="Q: {prompt}\nA:", samples=1)
    (row,) = rows_of(asked, model=tiny_model, direction=None)
    assert tiny_model.tokenizer.decode(row.tokens) == "Q: Tell me.\nA:"
    assert [tiny_model.tokenizer.decode(opening) for opening in row.openings] == [" I'm sorry", " Sure"]
    assert row.is_unsteered
