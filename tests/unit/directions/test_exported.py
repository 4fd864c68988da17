"""A direction that was exported and read back is the one that was learned."""

import pytest
import torch
from safetensors.torch import save_file
from steering_reliability import InputError, load_direction
from steering_reliability.commands.export import Origin, export_directions
from steering_reliability.directions.files import StoredDirection, write_direction


def stored(layer):
    return StoredDirection(torch.tensor([3.0, 0.0, 4.0 * layer]), (9 + 16 * layer**2) ** 0.5, 20.0, {"layer": layer})


@pytest.fixture
def exported(tmp_path):
    def export(*layers):
        for layer in layers:
            write_direction(tmp_path / f"layer_{layer}.pt", stored(layer))
        output = tmp_path / f"{len(layers)}.safetensors"
        sources = [tmp_path / f"layer_{layer}.pt" for layer in layers]
        export_directions(sources, output=output, alpha=0.5, origin=Origin("resid_post"))
        return output

    return export


def test_one_layer_and_each_of_several_come_back(exported):
    for path, layer, asked in ((exported(2), 2, None), (exported(1, 3), 3, 3)):
        found, was = load_direction(path, layer=asked, d_model=3), stored(layer)
        assert found.vector.tolist() == pytest.approx(was.vector.tolist())
        assert (found.vector_norm, found.resid_norm) == pytest.approx((was.vector_norm, was.resid_norm))
        assert found.statistics == {"layer": layer}


def test_what_can_not_be_read_is_one_message(exported, tmp_path):
    with pytest.raises(InputError, match="several layers"):
        load_direction(exported(1, 3))
    with pytest.raises(InputError, match="no direction of layer 7"):
        load_direction(exported(1, 3), layer=7)
    with pytest.raises(InputError, match="residual stream has 5"):
        load_direction(exported(2), d_model=5)
    with pytest.raises(InputError, match="there is no direction"):
        load_direction(tmp_path / "none.safetensors")
    save_file({"direction": torch.ones(3)}, tmp_path / "own.safetensors")
    with pytest.raises(InputError, match="does not say its layers"):
        load_direction(tmp_path / "own.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(InputError, match="does not say its layers"):
        load_direction(tmp_path / "bad.safetensors")
