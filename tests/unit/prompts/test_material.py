"""The hand-written material itself: every topic, template and benign line."""

import re

import pytest
from steering_reliability.prompts.templates_benign import BENIGN
from steering_reliability.prompts.templates_harm_test import HARM_TEST, SHARED_FAMILIES
from steering_reliability.prompts.templates_harm_train import HARM_TRAIN

BOTH = pytest.mark.parametrize("material", [HARM_TRAIN, HARM_TEST], ids=["train", "test"])
FUNCTION_WORDS = set(
    re.findall(r"\w+", "a an the and or of to in on at for from with by into out up that it its as so")
)


@BOTH
def test_every_topic_has_two_different_verb_forms(material):
    for topics in material.families.values():
        assert len(topics) >= 10
        for topic in topics:
            assert topic.doing.split()[0].endswith("ing"), topic
            assert not topic.do.split()[0].endswith("ing"), topic
            assert "/" not in topic.do + topic.doing, topic
            assert len(topic.do.split()) == len(topic.doing.split()), topic
            assert not re.search(
                r"\b(my|your|their|me|you)\b", topic.do.replace("their own", "").replace("their fur", "")
            )


@BOTH
def test_every_template_has_exactly_one_place_for_the_topic(material):
    for templates in material.styles.values():
        assert len(templates) >= 4
        for template in templates:
            assert len(re.findall(r"\{do(?:ing)?\}", template.text)) == 1, template
            assert template.text.count("{") == 1, template


def test_the_test_split_shares_half_of_its_families_and_no_style_template_or_topic():
    train, test = HARM_TRAIN, HARM_TEST
    assert set(train.families) & set(test.families) == set(SHARED_FAMILIES)
    assert len(train.families) >= 6
    assert len(test.families) == 2 * len(SHARED_FAMILIES)
    assert not set(train.styles) & set(test.styles)
    texts = [template.text for material in (train, test) for styles in material.styles.values() for template in styles]
    assert len(texts) == len(set(texts))


def test_no_two_topics_name_the_same_thing():
    topics = [
        topic for material in (HARM_TRAIN, HARM_TEST) for family in material.families.values() for topic in family
    ]
    assert len({topic.id for topic in topics}) == len(topics)
    words = [set(re.findall(r"[\w'-]+", topic.do)) - FUNCTION_WORDS for topic in topics]
    for place, one in enumerate(words):
        for other, another in zip(topics[place + 1 :], words[place + 1 :], strict=True):
            assert len(one & another) / len(one | another) <= 0.5, (topics[place].do, other.do)


def test_benign_lines_are_whole_sentences_of_a_known_style():
    styles = set(HARM_TRAIN.styles) | set(HARM_TEST.styles)
    assert len(BENIGN) == 6
    for family in BENIGN.values():
        assert set(family) <= styles
        for style, block in family.items():
            for line in block.strip().splitlines():
                assert (line.rstrip().endswith("?")) or style != "question", line
                assert "{" not in line
