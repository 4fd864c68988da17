import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_disjoint, check_prompts, check_shift
from steering_reliability.prompts.schema import Prompt

STYLES = {"harm_train": "direct", "harm_test": "story", "benign": "direct"}


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


def test_sound_prompts_pass_without_a_word(tmp_path):
    assert check_prompts(write(tmp_path), limit=None).near_copies == ()


COPIES = ["Where is the old mill by the river?", "Say more.", "where is the old mill by the river"]


def test_near_copies_are_a_note_for_each_split_that_the_run_uses(tmp_path):
    paths = write(tmp_path, harm_test=COPIES, benign=[f"{text} It is not far." for text in COPIES])
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
    # These prompts say their style and not their template.
    assert [note for note in found.unchecked if "template" in note]


def test_a_prompt_in_two_splits_is_refused_where_the_run_uses_both(tmp_path):
    paths = write(tmp_path, harm_train=["One.", "Two."], benign=["Three.", "two"])
    with pytest.raises(InputError, match="the same prompt as harm_train_1 in harm_train"):
        check_prompts(paths, limit=None)


def test_a_style_in_both_harmful_splits_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(STYLES, "harm_test", "direct")
    with pytest.raises(InputError, match="style 'direct': harm_train_0 and harm_test_0"):
        check_prompts(write(tmp_path), limit=None)


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="the split benign has no prompt"):
        check_prompts(write(tmp_path, benign=[]), limit=3)


def prompt(id, text="x", family="f", style="s", **extra):
    return Prompt(id, text, family, style, extra)


def test_a_shared_style_is_named_with_a_prompt_of_each_split():
    with pytest.raises(InputError) as caught:
        check_shift([prompt("t1", style="direct"), prompt("t2", style="direct")], [prompt("e1", style="Direct ")])
    assert caught.value.what.splitlines()[1:] == ["    style 'direct': t1 and e1"]


def test_a_shared_template_is_an_error_though_styles_differ():
    with pytest.raises(InputError, match="template 'q1': t1 and e1"):
        check_shift([prompt("t1", style="a", template="q1")], [prompt("e1", style="b", template="q1")])


def test_different_styles_and_templates_pass_without_a_note():
    assert check_shift([prompt("t1", style="a", template="q1")], [prompt("e1", style="b", template="q2")]) == []


def test_unknown_styles_pass_with_a_note_of_what_is_unchecked():
    train = [prompt("t1", style="unknown"), prompt("t2", style="a", template="q")]
    test = [prompt("e1", style="unknown")]
    assert check_shift(train, test) == [
        "2 of 3 prompts do not say their style, so it is unchecked",
        "2 of 3 prompts do not say their template, so it is unchecked",
    ]


def test_a_prompt_in_two_splits_is_named_with_both_ids():
    train = [Prompt("t1", "Pick a lock!", "f", "s"), Prompt("t2", "Other", "f", "s")]
    test = [Prompt("e1", "something", "f", "s"), Prompt("e2", "pick  a lock", "f", "s")]
    with pytest.raises(InputError) as caught:
        check_disjoint({"harm_train": train, "harm_test": test})
    assert caught.value.what.splitlines()[1:] == ["    e2 in harm_test: the same prompt as t1 in harm_train"]
    check_disjoint({"harm_train": train, "harm_test": test[:1]})
