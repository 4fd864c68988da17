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


def test_sound_prompts_pass(tmp_path):
    check_prompts(write(tmp_path), limit=None)


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
