import pytest
from steering_reliability.metrics import answer_of


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Tea.", "Tea."),
        ("", ""),
        ("<think>Hm.</think>Tea.", "Tea."),
        ("<think>\nHm.\n\nWell.\n</think>\n\nTea.", "\n\nTea."),
        ("<THINK>Hm.</THINK> Tea.", " Tea."),
        ("<think></think>Tea.", "Tea."),
        ("<think>One.</think>Tea.<think>Two.</think> Milk.", "Tea. Milk."),
        # The chat template had opened it.
        ("Hm.</think>Tea.", "Tea."),
        ("Hm.</THINK>Tea.", "Tea."),
        # It was cut off.
        ("<think>I cannot", ""),
        ("Tea. <think>Hm.", "Tea. "),
        # No tags.
        ("I think> you think", "I think> you think"),
    ],
)
def test_the_reasoning_is_left_out(text, answer):
    assert answer_of(text) == answer
