"""Rows share what was read before the first token at which they differ, and nothing after it."""

from steering_reliability.vllm_engine.prefixes import extra_keys
from steering_reliability.vllm_engine.tasks import Task


def test_a_block_is_salted_from_the_first_steered_token_on():
    task = Task("a", salts=((20, "steered"), (40, "scored")))
    assert extra_keys(task, end=16) == extra_keys(task, end=20) == ()
    assert extra_keys(task, end=32) == ("steered",)
    assert extra_keys(task, end=48) == ("steered", "scored")
    assert extra_keys(None, end=48) == ()
