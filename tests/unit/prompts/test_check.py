import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.check import check_prompts

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
