import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_prompts, check_shift, copies_note
from steering_reliability.prompts.schema import Prompt

STYLES = {"harm_train": "direct", "harm_test": "story", "benign": "direct"}
COPIES = ["Where is the old mill by the river?", "Say more.", "where is the old mill by the river"]


def write(folder, **texts):
    paths = {}
    for split, style in STYLES.items():
        lines = [
            {"id": f"{split}_{number}", "prompt": text, "meta": {"family": "any", "style": style}}
            for number, text in enumerate(texts.get(split, [f"Tell me of {split}.", f"Say more of {split}."]))
        ]
        paths[split] = str(folder / f"{split}.jsonl")
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return paths


def test_near_copies_in_two_splits_are_a_note(tmp_path):
    paths = write(tmp_path, harm_train=["Where is the old mill by the river?"], benign=[COPIES[0] + " Tell me.", "Go."])
    (note,) = check_prompts(paths, limit=None).near_copies
    assert note == "1 prompt of benign is a near copy of one of harm_train (benign_0 and harm_train_0)"


def prompt(id, text="x", family="f", style="s", **extra):
    return Prompt(id, text, family, style, extra)


def test_near_copies_are_a_note_for_each_split_that_the_run_uses(tmp_path):
    assert check_prompts(write(tmp_path), limit=None).near_copies == ()
    others = ["How far is the long road over the hill?", "Go on.", "how far is the long road over the hill"]
    paths = write(tmp_path, harm_test=COPIES, benign=others)
    notes = check_prompts(paths, limit=None).near_copies
    assert [note.split()[0] for note in notes] == ["harm_test", "benign"]
    assert "(harm_test_0 and harm_test_2)" in notes[0]
    # A subset that holds only one of them has no copies.
    assert check_prompts(paths, limit=1).near_copies == ()


@pytest.mark.parametrize(("field", "notes"), [("template", 1), ("family", 0)])
def test_copies_that_their_label_already_joins_are_no_news(tmp_path, field, notes):
    # All prompts of a split have one family and no template.
    found = check_prompts(write(tmp_path, harm_test=COPIES), limit=None, cluster_field=field)
    assert len(found.near_copies) == notes
    assert [note for note in found.unchecked if "template" in note]


def test_of_many_copies_the_first_are_named_and_the_others_counted():
    prompts = [prompt(f"p{number}", COPIES[0]) for number in range(4)]
    note = copies_note(prompts, split="benign")
    assert "(p0 and p1, p0 and p2, p1 and p2 and 3 more pairs)" in note


@pytest.mark.parametrize(
    ("texts", "style", "message"),
    [
        (
            {"harm_train": ["One.", "Two."], "benign": ["3.", "two"]},
            "story",
            "the same prompt as harm_train_1 in harm_",
        ),
        ({}, "direct", "style 'direct': harm_train_0 and harm_test_0"),
        ({"benign": []}, "story", "the split benign has no prompt"),
    ],
)
def test_what_splits_may_not_share_and_an_empty_one_are_refused(tmp_path, monkeypatch, texts, style, message):
    monkeypatch.setitem(STYLES, "harm_test", style)
    with pytest.raises(InputError, match=message):
        check_prompts(write(tmp_path, **texts), limit=None)


def test_shared_styles_and_templates_are_named_with_a_prompt_of_each_split():
    train = [prompt("t1", style="direct", template="q1"), prompt("t2", style="direct", template="q2")]
    with pytest.raises(InputError) as caught:
        check_shift(train, [prompt("e1", style="Direct ", template="q2"), prompt("e2", style="other", template="q3")])
    assert caught.value.what.splitlines()[1:] == ["    style 'direct': t1 and e1", "    template 'q2': t2 and e1"]
    assert check_shift(train, [prompt("e2", style="other", template="q3")]) == []


def test_unknown_styles_pass_with_a_note_of_what_is_unchecked():
    train = [prompt("t1", style="unknown"), prompt("t2", style="a", template="q")]
    assert check_shift(train, [prompt("e1", style="unknown")]) == [
        "2 of 3 prompts have no style, so it was not checked",
        "2 of 3 prompts have no template, so it was not checked",
    ]
