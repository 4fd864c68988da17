import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.problems import Problems


def test_nothing_noted_raises_nothing():
    assert Problems("a.jsonl").raise_if_any("fix it") is None


def test_twenty_are_listed_and_the_rest_counted():
    problems = Problems("a.jsonl")
    for number in range(1, 24):
        problems.add("is empty", at=f"line {number}", field="prompt")
    with pytest.raises(InputError) as caught:
        problems.raise_if_any("fix it")
    message = str(caught.value)
    assert message.startswith("23 problems in this file\n    line 1, prompt: is empty\n")
    assert "line 20, prompt" in message
    assert "line 21, prompt" not in message
    assert "and 3 more" in message
    assert caught.value.where == "a.jsonl"
    assert caught.value.fix == "fix it"
