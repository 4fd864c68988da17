import pytest
from steering_reliability.prompts.measured_shift import shift_sentence
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.shift import measure_shift

VERBS = ("pick", "open", "paint", "move", "sell", "cut", "fold", "wash", "lift", "burn")


def asked(text: str, n: int = 10) -> list[Prompt]:
    return [Prompt(f"{text[:3]}{number}", text.format(VERBS[number]), "f", "s", {}) for number in range(n)]


def told(train: list[Prompt], test: list[Prompt]) -> str:
    return shift_sentence(measure_shift({"harm_train": train, "harm_test": test, "benign": asked("say {}")}, seed=0))


def test_two_manners_of_asking_are_a_shift():
    assert told(asked("how do I {} a lock"), asked("once a thief wanted to {} it")) == (
        "harm_test is shifted from harm_train: a classifier tells their words apart "
        "(AUC 1.00, 95% interval 0.80 to 1.00, 0.5 is chance, n = 20)."
    )


def test_the_same_manner_of_asking_is_none():
    sentence = told(asked("how do I {} a lock"), asked("how do I {} a lock"))
    assert sentence.startswith("No shift was found between harm_train and harm_test: ")
    assert "AUC 0." in sentence
    assert "is shifted" not in sentence


@pytest.mark.parametrize("n", [0, 4])
def test_too_few_topics_leave_it_unchecked(n):
    assert "is unchecked" in told(asked("how do I {} a lock"), asked("once a thief wanted to {} it", n))
