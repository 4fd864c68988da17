"""What lies on disk: directions and activations, whole, checked and free of code."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from steering_reliability.directions.compare import cosines_with_main
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


class RunsCode:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


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


def test_a_direction_loads_without_running_code(tmp_path):
    write_direction(tmp_path / "layer_1.pt", STORED)
    content = torch.load(tmp_path / "layer_1.pt", weights_only=True)
    assert content["vector"].dtype == torch.float32
    assert content["method"] == "random"


def test_pickled_code_is_refused_and_never_runs(tmp_path):
    trace = tmp_path / "it_ran"
    torch.save({"vector": torch.ones(2), "harm": RunsCode(trace)}, tmp_path / "layer_1.pt")
    (tmp_path / "layer_2.pt").write_bytes(pickle.dumps(RunsCode(trace), protocol=2))
    for name in ("layer_1.pt", "layer_2.pt"):
        with pytest.raises(InputError, match="damaged"):
            read_direction(tmp_path / name)
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_file_is_named(tmp_path, share):
    path = tmp_path / "layer_1.pt"
    write_direction(path, STORED)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="damaged") as caught:
        read_direction(path)
    assert caught.value.where == str(path)
    assert "run again" in caught.value.fix


def test_an_absent_direction_says_how_it_is_made(tmp_path):
    with pytest.raises(InputError, match="there is no direction") as caught:
        read_direction(tmp_path / "layer_9.pt")
    assert "directions" in caught.value.fix


@pytest.mark.parametrize(
    "content",
    [
        torch.ones(2),
        {"direction": torch.ones(2)},
        {"vector": [1.0, 2.0]},
        {"vector": torch.ones(2, 2)},
        {"vector": torch.tensor([1.0, float("nan")])},
        {"vector": torch.tensor([1.0, float("inf")])},
    ],
)
def test_what_is_no_finite_vector_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "layer_1.pt")
    with pytest.raises(InputError, match="no finite vector"):
        read_direction(tmp_path / "layer_1.pt")


def test_a_vector_without_its_lengths_is_refused(tmp_path):
    torch.save({"vector": torch.ones(2)}, tmp_path / "layer_1.pt")
    with pytest.raises(InputError, match="lacks vector_norm or resid_norm"):
        read_direction(tmp_path / "layer_1.pt")


def test_a_direction_of_another_model_is_refused(tmp_path):
    write_direction(tmp_path / "layer_1.pt", STORED)
    with pytest.raises(InputError, match=r"has 2 numbers, but the model's residual stream has 576"):
        read_direction(tmp_path / "layer_1.pt", d_model=576)


@pytest.mark.parametrize("paired", [True, False])
def test_one_layer_of_the_activations_comes_back(tmp_path, paired):
    positive, negative = torch.randn(4, 3, 5), torch.randn(6, 3, 5)
    write_activations(tmp_path / "a.safetensors", Activations(positive, negative, paired))
    found = read_activations(tmp_path / "a.safetensors", layer=2)
    assert torch.equal(found.positive, positive[:, 2:3])
    assert torch.equal(found.negative, negative[:, 2:3])
    assert found.paired is paired
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_layer_that_was_not_read_is_named(tmp_path):
    write_activations(tmp_path / "a.safetensors", Activations(torch.ones(2, 3, 5), torch.ones(2, 3, 5), True))
    with pytest.raises(InputError, match="layer 3"):
        read_activations(tmp_path / "a.safetensors", layer=3)


def test_torn_activations_are_named(tmp_path):
    path = tmp_path / "a.safetensors"
    write_activations(path, Activations(torch.ones(2, 3, 5), torch.ones(2, 3, 5), True))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="activations are damaged") as caught:
        read_activations(path, layer=0)
    assert caught.value.where == str(path)


def test_cosines_with_the_main_direction(tmp_path):
    vectors = {("main", 0): [1.0, 0.0], ("main", 2): [0.0, 1.0], ("random_0", 2): [3.0, 4.0], ("alt", 0): [-2.0, 0.0]}
    files = []
    for (name, layer), vector in vectors.items():
        files.append(str(tmp_path / name / f"layer_{layer}.pt"))
        write_direction(files[-1], StoredDirection(torch.tensor(vector), 1.0, 1.0, {}))
    found = cosines_with_main(files, compared={"random_0": [2], "alt": [0]})
    assert found == {"random_0": {2: pytest.approx(0.8)}, "alt": {0: pytest.approx(-1)}}
    assert cosines_with_main(files[:2], compared={}) == {}
