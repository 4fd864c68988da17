"""What lies on disk: directions and activations, whole, checked and free of code."""

import json

import pytest
import torch
from steering_reliability.directions.files import (
    Activations,
    StoredDirection,
    read_activations,
    read_direction,
    write_activations,
    write_direction,
)
from steering_reliability.errors import InputError

STORED = StoredDirection(torch.tensor([3.0, 4.0]), 5.0, 20.0, {"layer": 1, "method": "random", "cosine": None})


def test_a_direction_comes_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "layer_1.pt"
    write_direction(path, STORED)
    found = read_direction(path, d_model=2)
    assert torch.equal(found.vector, STORED.vector)
    assert (found.vector_norm, found.resid_norm, found.statistics) == (5.0, 20.0, STORED.statistics)
    assert json.loads((tmp_path / "deep" / "layer_1.json").read_text()) == {
        "vector_norm": 5.0,
        "resid_norm": 20.0,
        **STORED.statistics,
    }
    assert sorted(file.name for file in path.parent.iterdir()) == ["layer_1.json", "layer_1.pt"]
    # For whoever reads the file with torch alone.
    content = torch.load(path, weights_only=True)
    assert (content["vector"].dtype, content["method"]) == (torch.float32, "random")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_or_absent_file_is_named(tmp_path, share):
    path = tmp_path / "layer_1.pt"
    with pytest.raises(InputError, match="there is no direction") as caught:
        read_direction(path)
    assert "directions" in caught.value.fix
    write_direction(path, STORED)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="damaged") as caught:
        read_direction(path)
    assert caught.value.where == str(path)
    assert "run again" in caught.value.fix


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(2), "no finite vector"),
        ({"direction": torch.ones(2)}, "no finite vector"),
        ({"vector": [1.0, 2.0]}, "no finite vector"),
        ({"vector": torch.ones(2, 2)}, "no finite vector"),
        ({"vector": torch.tensor([1.0, float("inf")])}, "no finite vector"),
        ({"vector": torch.ones(2)}, "lacks vector_norm or resid_norm"),
        (
            {"vector": torch.ones(2), "vector_norm": 1.0, "resid_norm": 1.0},
            "has 2 numbers, but the model's residual stream has 576",
        ),
    ],
)
def test_what_is_no_direction_of_the_model_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "layer_1.pt")
    with pytest.raises(InputError, match=message):
        read_direction(tmp_path / "layer_1.pt", d_model=576)


@pytest.mark.parametrize("paired", [True, False])
def test_one_layer_of_the_activations_comes_back_and_torn_ones_are_named(tmp_path, paired):
    positive, negative = torch.randn(4, 3, 5), torch.randn(6, 3, 5)
    path = tmp_path / "a.safetensors"
    write_activations(path, Activations(positive, negative, paired))
    found = read_activations(path, layer=2)
    assert torch.equal(found.positive, positive[:, 2:3])
    assert torch.equal(found.negative, negative[:, 2:3])
    assert found.paired is paired
    with pytest.raises(InputError, match="layer 3"):
        read_activations(path, layer=3)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="activations are damaged") as caught:
        read_activations(path, layer=0)
    assert caught.value.where == str(path)
