"""Which tokens of a row are steered: a prompt of 10 tokens, whose user text ends before token 7."""

import pytest
from steering_reliability.interventions.positions import steered_span

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
