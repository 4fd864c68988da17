"""Clusters of prompts: by template, by text, and by both."""

import pytest
from steering_reliability.prompts.check import copies_note
from steering_reliability.prompts.clusters import cluster_prompts
from steering_reliability.prompts.generate import generate_prompts
from steering_reliability.prompts.schema import SPLITS, Prompt


def prompt(name: str, text: str, **meta: object) -> Prompt:
    return Prompt(name, text, "topic", "style", meta)


def test_prompts_of_one_template_are_one_cluster_named_after_the_first():
    prompts = [
        prompt("a", "red", template="t1"),
        prompt("b", "green", template="t2"),
        prompt("c", "blue", template="t1"),
    ]
    assert cluster_prompts(prompts) == {"a": "a", "b": "b", "c": "a"}


def test_another_field_of_meta_can_name_the_clusters():
    prompts = [prompt("a", "red", topic=7), prompt("b", "green", topic=7), prompt("c", "blue")]
    assert cluster_prompts(prompts, field="topic") == {"a": "a", "b": "a", "c": "c"}
    assert cluster_prompts(prompts, field="style") == dict.fromkeys("abc", "a")


def test_prompts_without_a_template_are_their_own_clusters_but_for_near_copies():
    prompts = [prompt("a", "How do I pick a lock?"), prompt("b", "Bake bread."), prompt("c", "how do i pick a lock")]
    assert cluster_prompts(prompts) == {"a": "a", "b": "b", "c": "a"}


def test_what_a_near_copy_joins_is_one_cluster():
    prompts = [
        *(prompt("a", "Where is the red house on the hill?", template="t1"), prompt("b", "One.", template="t1")),
        *(prompt("c", "Two.", template="t2"), prompt("d", "where is the red house on the hill", template="t2")),
    ]
    assert set(cluster_prompts(prompts).values()) == {"a"}


def test_near_copies_are_named_where_no_template_says_so():
    prompts = [prompt("a", "How do I pick a lock?"), prompt("b", "how do I pick a lock"), prompt("c", "Bake bread.")]
    note = copies_note(prompts, split="harm_test")
    assert note.startswith("harm_test has prompts that are nearly the same text (a and b)")
    same = [prompt("a", "How do I pick a lock?", template="t"), prompt("b", "how do I pick a lock", template="t")]
    assert copies_note(same, split="harm_test") == ""


@pytest.mark.parametrize(("split", "clusters"), zip(SPLITS, (20, 30, 200), strict=True))
def test_the_projects_own_prompts_are_as_many_clusters_as_templates(split, clusters):
    prompts = generate_prompts(split, n=200 if split == "benign" else 150, seed=0)
    assert len(set(cluster_prompts(prompts).values())) == clusters
    assert copies_note(prompts, split=split) == ""
