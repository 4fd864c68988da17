"""A user's direction from tensor files and control vectors."""

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import save_file
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.directions.user_direction import read_user_direction
from steering_reliability.errors import InputError

VECTOR = [3.0, 0.0, 4.0]


def read(path, layer=2, hook_point="resid_post", **settings):
    return read_user_direction(path, layer=layer, hook_point=hook_point, **settings)


def control_vector(path, layers):
    writer = GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", "llama")
    writer.add_uint32("controlvector.layer_count", len(layers))
    for layer in layers:
        writer.add_tensor(f"direction.{layer}", np.array([layer, 0.0, 0.0], dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_every_format_is_read_and_names_the_layer_or_holds_one_vector(tmp_path):
    torch.save(torch.tensor(VECTOR), tmp_path / "bare.pt")
    write_direction(tmp_path / "ours.pt", StoredDirection(torch.tensor(VECTOR), 5.0, 9.0, {"layer": 2}))
    save_file({"anything": torch.tensor(VECTOR)}, tmp_path / "one.safetensors")
    save_file({"direction.1": torch.ones(3), "direction.2": torch.tensor(VECTOR)}, tmp_path / "many.safetensors")
    for name in ("bare.pt", "ours.pt", "one.safetensors", "many.safetensors"):
        assert read(tmp_path / name).tolist() == VECTOR
    control_vector(tmp_path / "v.gguf", [1, 2])
    # A control vector counts what a block gives.
    assert read(tmp_path / "v.gguf", layer=2).tolist() == [2.0, 0.0, 0.0]
    assert read(tmp_path / "v.gguf", layer=2, hook_point="resid_pre").tolist() == [1.0, 0.0, 0.0]
    for name in ("v.gguf", "many.safetensors"):
        with pytest.raises(InputError, match="no single vector for layer 5"):
            read(tmp_path / name, layer=5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "zero or not finite"),
        (torch.tensor([float("nan"), 1.0]), "zero or not finite"),
        (torch.ones(2, 2), "no single vector"),
        ({"other": 1}, "no single vector"),
        (torch.ones(4), "has 4 numbers, but the model.s residual stream has 3"),
    ],
)
def test_what_is_no_direction_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "v.pt")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "v.pt", d_model=3)


def test_damaged_files_and_unknown_endings_are_refused(tmp_path):
    for name in ("v.pt", "v.safetensors", "v.gguf", "v.bin"):
        (tmp_path / name).write_bytes(b"not a vector")
        with pytest.raises(InputError):
            read(tmp_path / name)
    with pytest.raises(InputError, match="there is no direction"):
        read(tmp_path / "none.pt")
