"""A model's folder that was made here is used as it was made, or not at all."""

import shutil

import pytest
from steering_reliability.errors import InputError
from steering_reliability.model import load_model, load_tokenizer
from steering_reliability.model_seal import CARD, check_files, write_card


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
    with pytest.raises(InputError, match="not what it was"):
        check_files(sealed, weights=False)


def test_a_folder_of_the_users_own_is_taken_as_it_is(tiny_folder):
    check_files(tiny_folder, weights=True)
