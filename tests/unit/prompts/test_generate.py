import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.generate import available_prompts, generate_prompts
from steering_reliability.prompts.normalize import normalize_text
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, to_jsonl

SIZES = {"harm_train": 150, "harm_test": 150, "benign": 200}
COMMITTED = Path(__file__).parents[3] / "prompts"


@pytest.fixture(scope="module")
def made():
    return {split: generate_prompts(split, n=n, seed=0) for split, n in SIZES.items()}


@pytest.mark.parametrize("split", SPLITS)
def test_the_committed_file_is_what_the_committed_code_makes(split, made, tmp_path):
    path = COMMITTED / f"{split}.jsonl"
    assert path.read_bytes() == to_jsonl(made[split])
    assert read_prompts(path, split=split) == made[split]


@pytest.mark.parametrize("split", SPLITS)
def test_fewer_prompts_are_the_first_of_more_and_another_seed_orders_otherwise(split, made):
    assert generate_prompts(split, n=37, seed=0) == made[split][:37]
    assert generate_prompts(split, n=37, seed=1) != made[split][:37]
    assert made[split][0].id == f"{split}_0001"


def test_the_bytes_do_not_depend_on_the_hash_seed_of_the_process(made):
    code = (
        "import sys; from steering_reliability.prompts.generate import generate_prompts as g;"
        "from steering_reliability.prompts.schema import to_jsonl;"
        "sys.stdout.buffer.write(to_jsonl(g('harm_test', n=150, seed=0)))"
    )
    path = str(Path(__file__).parents[3] / "workflow")
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": "7", "PYTHONPATH": path}
    )
    assert run.stdout == to_jsonl(made["harm_test"])


@pytest.mark.parametrize("split", SPLITS)
def test_everything_that_is_available_can_be_made_and_no_more(split):
    available = available_prompts(split)
    assert len({prompt.prompt for prompt in generate_prompts(split, n=available, seed=5)}) == available
    with pytest.raises(InputError, match=f"{available + 1} prompts were asked for, {available} distinct"):
        generate_prompts(split, n=available + 1, seed=5)
    with pytest.raises(InputError, match="0 prompts were asked for"):
        generate_prompts(split, n=0, seed=5)


def test_an_unknown_split_is_named():
    with pytest.raises(InputError, match="no split 'harm_dev'"):
        generate_prompts("harm_dev", n=1, seed=0)


def test_families_and_styles_are_evenly_crossed(made):
    for split, cells, families in (("harm_train", 8 * 4, 8), ("harm_test", 10 * 6, 10)):
        counts = Counter((prompt.family, prompt.style) for prompt in made[split])
        assert len(counts) == cells
        assert max(counts.values()) - min(counts.values()) <= 1
        assert {prompt.family for prompt in made[split][:families]} == {prompt.family for prompt in made[split]}
    assert set(Counter(prompt.family for prompt in made["harm_test"]).values()) == {15}
    assert set(Counter(prompt.family for prompt in made["benign"]).values()) == {33, 34}


@pytest.mark.parametrize("split", ["harm_train", "harm_test"])
def test_a_topic_comes_at_most_twice_and_never_twice_in_a_style_or_template(split, made):
    topics = Counter(prompt.extra["topic"] for prompt in made[split])
    assert max(topics.values()) == 2
    assert max(Counter((prompt.extra["topic"], prompt.style) for prompt in made[split]).values()) == 1
    assert max(Counter((prompt.extra["topic"], prompt.extra["template"]) for prompt in made[split]).values()) == 1


def test_no_two_prompts_are_nearly_equal(made):
    words = [(split, prompt, set(normalize_text(prompt.prompt).split())) for split in SPLITS for prompt in made[split]]
    for (split_a, a, words_a), (split_b, b, words_b) in combinations(words, 2):
        overlap = len(words_a & words_b) / len(words_a | words_b)
        assert overlap <= (0.9 if split_a == split_b else 0.8), (a.prompt, b.prompt)


def test_splits_are_disjoint_and_shifted(made):
    check_disjoint(made)
    assert check_shift(made["harm_train"], made["harm_test"]) == []


def test_prompts_read_as_sentences(made):
    for prompts in made.values():
        for prompt in prompts:
            text = prompt.prompt
            assert text == " ".join(text.split()), text
            assert "{" not in text, text
            assert prompt.style == "slang" or not text[0].islower(), text
            repeated = re.search(r"\b(\w+) \1\b", text)
            assert repeated is None, text
