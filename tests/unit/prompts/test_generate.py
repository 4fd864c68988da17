"""The hand-written material, the prompts that are made from it, and the committed files with their card."""

import math
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.generate import fill, generate_prompts, read_material
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS, to_jsonl
from steering_reliability.prompts.similarity import cluster_prompts, near_copies, normalize_text
from steering_reliability.prompts.subset import choose_direction_set, spread_subset

SIZES = {"harm_train": 150, "harm_test": 150, "benign": 200}
AVAILABLE = {"harm_train": 1440, "harm_test": 1500, "benign": 216}
ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "prompts"
FUNCTION_WORDS = set(
    re.findall(r"\w+", "a an the and or of to in on at for from with by into out up that it its as so")
)
MATERIALS = pytest.mark.parametrize("name", ["harm_train", "harm_test", "tuning"])


@pytest.fixture(scope="module")
def made():
    return {split: generate_prompts(split, n=n, seed=0) for split, n in SIZES.items()}


@pytest.mark.parametrize("split", SPLITS)
def test_the_committed_file_is_what_the_committed_code_makes_and_the_card_counts_it(split, made):
    path = COMMITTED / f"{split}.jsonl"
    assert path.read_bytes() == to_jsonl(made[split])
    assert read_prompts(path, split=split) == made[split]
    section = (COMMITTED / "README.md").read_text(encoding="utf-8").split(f"### {split}\n")[1].split("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if "|" in line]
    header, _, *styles, total = rows
    shown = {
        (family, style): int(number)
        for style, *numbers, _ in styles
        for family, number in zip(header[1:-1], numbers, strict=True)
        if int(number)
    }
    assert shown == Counter((prompt.family, prompt.style) for prompt in made[split])
    assert total[-1] == str(len(made[split]))


@pytest.mark.parametrize("split", SPLITS)
def test_fewer_prompts_are_the_first_of_more_and_another_seed_orders_otherwise(split, made):
    assert generate_prompts(split, n=37, seed=0) == made[split][:37]
    assert generate_prompts(split, n=37, seed=1) != made[split][:37]


@pytest.mark.parametrize("split", SPLITS)
def test_everything_that_is_available_can_be_made_and_no_more(split):
    available = AVAILABLE[split]
    assert len({prompt.prompt for prompt in generate_prompts(split, n=available, seed=5)}) == available
    with pytest.raises(InputError, match=f"{available + 1} prompts were requested, {available} distinct"):
        generate_prompts(split, n=available + 1, seed=5)
    with pytest.raises(InputError, match="0 prompts were requested"):
        generate_prompts(split, n=0, seed=5)
    with pytest.raises(InputError, match="no split 'harm_dev'"):
        generate_prompts("harm_dev", n=1, seed=0)


@pytest.mark.parametrize("split", ["harm_train", "harm_test"])
def test_a_topic_comes_at_most_twice_and_never_twice_in_a_style_or_template(split, made):
    extras = [prompt.extra | {"style": prompt.style} for prompt in made[split]]
    assert max(Counter(extra["topic"] for extra in extras).values()) == 2
    for other in ("style", "template"):
        assert max(Counter((extra["topic"], extra[other]) for extra in extras).values()) == 1


def test_each_side_has_fifteen_styles_of_three_templates_used_equally_often_and_benign_has_them_all(made):
    styles = {split: Counter(prompt.style for prompt in made[split]) for split in SPLITS}
    templates = {split: Counter(prompt.extra.get("template") for prompt in made[split]) for split in SPLITS}
    for split in ("harm_train", "harm_test"):
        assert list(styles[split].values()) == [10] * 15
        assert sorted(Counter(name.rsplit("_", 1)[0] for name in templates[split]).values()) == [3] * 15
        assert set(templates[split].values()) == {3, 4}
    assert not styles["harm_train"].keys() & styles["harm_test"].keys()
    assert styles["benign"].keys() == styles["harm_train"].keys() | styles["harm_test"].keys()
    assert min(styles["benign"].values()) == 4


@pytest.mark.parametrize("split", ["harm_train", "harm_test"])
def test_every_family_meets_every_style_once_or_twice(split, made):
    families = len({prompt.family for prompt in made[split]})
    cells = Counter((prompt.family, prompt.style) for prompt in made[split])
    assert len(cells) == families * 15
    assert max(cells.values()) == math.ceil(150 / len(cells))


@pytest.mark.parametrize("split", ["harm_train", "harm_test"])
@pytest.mark.parametrize("seed", [0, 1])
def test_any_number_of_rounds_uses_all_styles_equally_often(split, seed):
    prompts = generate_prompts(split, n=240, seed=seed)
    families = len({prompt.family for prompt in prompts})
    for n in range(families, len(prompts) + 1, families):
        uses = Counter(prompt.style for prompt in prompts[:n])
        assert max(uses.values()) - min(uses[style] for style in {prompt.style for prompt in prompts}) <= 1


@pytest.mark.parametrize(("split", "families"), [("harm_train", 8), ("harm_test", 10), ("benign", 6)])
def test_forty_prompts_keep_every_style_and_family(split, families, made):
    chosen = spread_subset(made[split], limit=40)
    styles, of_families = (Counter(getattr(prompt, key) for prompt in chosen) for key in ("style", "family"))
    assert (len(styles), len(of_families)) == (30 if split == "benign" else 15, families)
    for uses in (styles, of_families):
        assert max(uses.values()) - min(uses.values()) <= 1


def test_of_forty_prompts_the_direction_leaves_twenty_of_all_styles_and_as_many_templates(made):
    prompts = spread_subset(made["harm_train"], limit=40)
    chosen = choose_direction_set(prompts, fraction=0.5)
    held_out = [prompt for prompt in prompts if prompt.id not in chosen]
    assert len(held_out) == 20
    assert len({prompt.style for prompt in held_out}) == 15
    assert len({prompt.extra["template"] for prompt in held_out}) == 20


def test_no_two_prompts_are_nearly_equal_clusters_are_templates_and_splits_are_shifted(made):
    words = [(split, prompt, set(normalize_text(prompt.prompt).split())) for split in SPLITS for prompt in made[split]]
    for (split_a, a, words_a), (split_b, b, words_b) in combinations(words, 2):
        overlap = len(words_a & words_b) / len(words_a | words_b)
        assert overlap <= (0.9 if split_a == split_b else 0.8), (a.prompt, b.prompt)
    assert [len(set(cluster_prompts(made[split]).values())) for split in SPLITS] == [45, 45, 200]
    texts = [(split, prompt.prompt) for split in SPLITS for prompt in made[split]]
    pairs = near_copies(tuple(text for _, text in texts))
    assert [pair for pair in pairs if texts[pair[0]][0] != texts[pair[1]][0]] == []
    check_disjoint(made)
    assert check_shift(made["harm_train"], made["harm_test"]) == []


def test_prompts_read_as_sentences(made):
    for prompt in (prompt for prompts in made.values() for prompt in prompts):
        text = prompt.prompt
        assert text == " ".join(text.split()), text
        assert "{" not in text, text
        assert prompt.style in ("slang", "keywords") or not text[0].islower(), text
        assert not re.search(r"\b(\w+) \1\b", text), text


@MATERIALS
def test_every_topic_has_two_different_verb_forms_of_as_many_words(name):
    for topics in read_material(name).topics.values():
        assert len(topics) >= (8 if name == "tuning" else 10)
        for topic in topics.values():
            do, doing = fill("{do}", topic=topic), fill("{doing}", topic=topic)
            assert doing.split()[0].endswith("ing"), topic
            assert not do.split()[0].endswith("ing"), topic
            assert "/" not in do + doing, topic
            assert len(do.split()) == len(doing.split()), topic
            named = do.replace("their own", "").replace("their fur", "")
            assert name == "tuning" or not re.search(r"\b(my|your|their|me|you)\b", named), topic


def test_no_two_topics_of_the_splits_name_the_same_thing():
    families = [family for name in ("harm_train", "harm_test") for family in read_material(name).topics.values()]
    assert len({topic for family in families for topic in family}) == sum(map(len, families))
    topics = [fill("{do}", topic=topic) for family in families for topic in family.values()]
    words = [(topic, set(re.findall(r"[\w'-]+", topic)) - FUNCTION_WORDS) for topic in topics]
    for (one, words_one), (other, words_other) in combinations(words, 2):
        assert len(words_one & words_other) / len(words_one | words_other) <= 0.5, (one, other)
