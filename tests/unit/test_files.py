"""Files that come into their place whole, with the mode that the user's umask asks for."""

import os
import stat

import pytest
import torch
from safetensors.torch import save_file
from steering_reliability.directions.files import Activations, StoredDirection, write_activations, write_direction
from steering_reliability.files import atomic_write, sha256_of, write_text
from steering_reliability.model.preparation import published_folder


@pytest.fixture(params=[0o022, 0o027, 0o002])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


def test_every_kind_of_file_has_the_mode_of_the_umask(umask, tmp_path):
    write_text(tmp_path / "a.json", "{}")
    write_direction(tmp_path / "layer_0.pt", StoredDirection(torch.ones(2), 1.0, 1.0, {"layer": 0}))
    write_activations(tmp_path / "a.safetensors", Activations(torch.ones(1, 1, 2), torch.ones(1, 1, 2), True))
    with atomic_write(tmp_path / "b.safetensors") as scratch:
        save_file({"x": torch.ones(1)}, scratch)
    expected = {"a.json", "layer_0.pt", "layer_0.json", "a.safetensors", "b.safetensors"}
    assert modes(tmp_path) == dict.fromkeys(expected, 0o666 & ~umask)


def test_a_models_folder_has_it_too(umask, tmp_path):
    with published_folder(tmp_path / "models/m") as made:
        (made / "config.json").write_text("{}")
        save_file({"x": torch.ones(1)}, made / "model.safetensors")
    assert modes(tmp_path / "models") == dict.fromkeys(["config.json", "model.safetensors"], 0o666 & ~umask)


def test_the_digest_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_of(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_what_was_cut_off_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), atomic_write(tmp_path / "a") as scratch:
        scratch.write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
