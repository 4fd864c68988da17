"""A model's folder that was made here is used as it was made, or not at all."""

import shutil

import pytest
from steering_reliability.errors import InputError
from steering_reliability.model.card import CARD, check_files, other_code_note, preparing_code, tuning_code, write_card
from steering_reliability.model.loading import load_model, load_tokenizer
from steering_reliability.process import code_digest as digest


@pytest.fixture
def sealed(tiny_folder, tmp_path):
    folder = tmp_path / "sealed"
    shutil.copytree(tiny_folder, folder)
    write_card({"name": "tiny"}, folder)
    return folder


def turn_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_what_is_as_it_was_loads(sealed):
    assert load_model(sealed, device="cpu", dtype="float32").n_layers == 3


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("damage", [turn_a_bit, lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_a_damaged_file_is_named_before_it_is_used(sealed, name, damage):
    damage(sealed / name)
    with pytest.raises(InputError, match=f"{name}\n.*delete the folder .*sealed and run again"):
        load_model(sealed, device="cpu", dtype="float32")


def test_a_tokenizer_is_loaded_without_reading_the_weights(sealed):
    turn_a_bit(sealed / "model.safetensors")
    load_tokenizer(sealed)
    (sealed / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json"):
        load_tokenizer(sealed)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": 1}'])
def test_a_damaged_card_is_no_permission(sealed, text):
    (sealed / CARD).write_text(text)
    with pytest.raises(InputError, match="has changed since"):
        check_files(sealed, weights=False)


def test_a_folder_of_other_code_is_named_with_what_remakes_it(tiny_folder, tmp_path):
    folder = tmp_path / "made"
    assert other_code_note(folder, code="new", rule="prepare_model") is None
    shutil.copytree(tiny_folder, folder)
    write_card({"name": "tiny", "code": "old"}, folder)
    assert other_code_note(folder, code="old", rule="prepare_model") is None
    note = other_code_note(folder, code="new", rule="prepare_model")
    assert f"{folder} was made by another version of rule prepare_model" in note
    assert "--forcerun prepare_model" in note
    # A folder that says nothing is from before cards did.
    write_card({"name": "tiny"}, folder)
    assert other_code_note(folder, code="new", rule="tune_refusal") is not None


def test_the_digests_are_those_of_what_makes_the_folders(monkeypatch):
    before = preparing_code(), tuning_code()
    assert before[0] != before[1]

    def changed(module):
        text = digest._text

        def read(path):
            return text(path) + ("# changed" if path.name == module else "")

        monkeypatch.setattr(digest, "_text", read)
        found = preparing_code(), tuning_code()
        monkeypatch.setattr(digest, "_text", text)
        return [old != new for old, new in zip(before, found, strict=True)]

    assert changed("preparation.py") == [True, True]
    assert changed("examples.py") == changed("tuning.yaml") == [False, True]
    assert changed("source.py") == [False, False]
