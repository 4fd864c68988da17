"""What the refusal habit is taught with: nothing of it may be in a split."""

from pathlib import Path

import pytest
from steering_reliability.model.loading import load_model
from steering_reliability.prompts.generate import read_material
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.similarity import near_copies
from steering_reliability.prompts.validate import collapse_space
from steering_reliability.tuning.examples import REFUSALS, answered, harmful_prompts, harmless_prompts, refused

PROMPTS = Path(__file__).parents[3] / "prompts"


def plain(text: str) -> str:
    return collapse_space(text).lower().strip(" .?!")


def test_no_training_prompt_is_in_a_split():
    splits = ("harm_train", "harm_test", "benign")
    in_splits = {plain(one.prompt) for split in splits for one in read_prompts(PROMPTS / f"{split}.jsonl", split=split)}
    taught = [plain(text) for text in [*harmful_prompts(128, seed=0), *harmless_prompts(999, seed=0)]]
    assert len(in_splits) == 500
    assert len(set(taught)) == len(taught) == 328
    assert not in_splits & set(taught)
    pairs = near_copies((*in_splits, *taught))
    assert [(one, other) for one, other in pairs if one < len(in_splits) <= other] == []


def test_the_topics_are_those_of_no_split_and_the_styles_those_of_harm_train_only():
    train, test, tuning = map(read_material, ("harm_train", "harm_test", "tuning"))
    topics = [{text for family in one.topics.values() for text in family.values()} for one in (train, test, tuning)]
    assert len(topics[2]) == 64
    assert not topics[2] & (topics[0] | topics[1])
    assert tuning.templates == train.templates


def test_a_refused_example_is_prompt_one_of_several_answers_and_end(tiny_model):
    examples = refused(harmful_prompts(96, seed=0), model=tiny_model, seed=0, templates={})
    texts = {tiny_model.tokenizer.decode(one.tokens[one.answer_start : -1]) for one in examples}
    assert texts == set(REFUSALS)
    for example in examples:
        assert example.tokens[-1] == tiny_model.tokenizer.eos_token_id
        assert tiny_model.tokenizer.decode(example.tokens[: example.answer_start]).endswith("<|im_start|>assistant\n")


@pytest.mark.real_model
def test_a_harmless_prompt_keeps_the_models_answer(real_model):
    # In bfloat16 two openings are so close that processors differ.
    model = load_model(real_model.tokenizer.name_or_path, device="cpu", dtype="float32")
    (example,) = answered(["What is the capital of France?"], model=model, max_new_tokens=8, templates={})
    assert "Paris" in model.tokenizer.decode(example.tokens[example.answer_start :])
    assert len(example.tokens) - example.answer_start <= 9
