"""What the refusal habit is taught with: nothing of it may be in a split."""

from pathlib import Path

import pytest
from steering_reliability.model.loading import load_model
from steering_reliability.prompts.fields import collapse_space
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.templates_harm_test import HARM_TEST
from steering_reliability.prompts.templates_harm_train import HARM_TRAIN
from steering_reliability.prompts.templates_tuning import HARMFUL, HARMLESS
from steering_reliability.tuning.examples import REFUSALS, answered, harmful_prompts, harmless_prompts, refused

PROMPTS = Path(__file__).parents[3] / "prompts"


def plain(text: str) -> str:
    return collapse_space(text).lower().strip(" .?!")


@pytest.fixture(scope="module")
def in_splits() -> set[str]:
    splits = ("harm_train", "harm_test", "benign")
    return {plain(one.prompt) for split in splits for one in read_prompts(PROMPTS / f"{split}.jsonl", split=split)}


def test_no_training_prompt_is_in_a_split(in_splits):
    assert len(in_splits) == 500
    taught = [plain(text) for text in [*harmful_prompts(128, seed=0), *HARMLESS]]
    assert not in_splits & set(taught)
    assert len(set(taught)) == len(taught) == 328


def test_no_training_topic_is_a_topic_of_a_split():
    def topics(material):
        return {topic.do for family in material.families.values() for topic in family}

    assert len(topics(HARMFUL)) == 64
    assert not topics(HARMFUL) & (topics(HARM_TRAIN) | topics(HARM_TEST))


def test_harmful_prompts_are_asked_in_the_styles_of_harm_train_only():
    assert HARMFUL.styles == HARM_TRAIN.styles
    assert not set(HARMFUL.styles) & set(HARM_TEST.styles)


@pytest.mark.parametrize("choose", [harmful_prompts, harmless_prompts])
def test_fewer_prompts_are_the_first_of_more(choose):
    assert choose(7, seed=3) == choose(30, seed=3)[:7]
    assert choose(30, seed=3) != choose(30, seed=4)


def test_a_refused_example_is_prompt_answer_and_end(tiny_model):
    (example,) = refused(["Tell me."], model=tiny_model, seed=0)
    text = tiny_model.tokenizer.decode(example.tokens[example.answer_start : -1])
    assert text in REFUSALS
    assert example.tokens[-1] == tiny_model.tokenizer.eos_token_id
    assert tiny_model.tokenizer.decode(example.tokens[: example.answer_start]).endswith("<|im_start|>assistant\n")


def test_refusals_have_several_wordings(tiny_model):
    examples = refused(harmful_prompts(96, seed=0), model=tiny_model, seed=0)
    assert len({one.tokens[one.answer_start :] for one in examples}) == len(REFUSALS)


@pytest.mark.real_model
def test_a_harmless_prompt_keeps_the_models_own_answer(real_model):
    # In bfloat16 two openings are so close that processors differ.
    model = load_model(real_model.tokenizer.name_or_path, device="cpu", dtype="float32")
    (example,) = answered(["What is the capital of France?"], model=model, max_new_tokens=8)
    assert "Paris" in model.tokenizer.decode(example.tokens[example.answer_start :])
    assert len(example.tokens) - example.answer_start <= 9
