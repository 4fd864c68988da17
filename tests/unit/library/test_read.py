"""Loading what is there, and what a user reads when it is not."""

import os
import pickle

import pytest
import torch
from steering_reliability import InputError, load_direction, load_model, load_results
from steering_reliability.directions.files import StoredDirection, write_direction


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, so nothing falls back")
def test_without_a_gpu_cuda_falls_back_with_one_warning(tiny_folder):
    with pytest.warns(UserWarning, match="no GPU is visible") as caught:
        model = load_model(tiny_folder, device="cuda", dtype="float16")
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert len([one for one in caught if "GPU" in str(one.message)]) == 1


@pytest.mark.parametrize("folder", ["no-such-folder", "someone/some-model"])
def test_a_folder_that_is_not_there_is_one_message_and_asks_no_hub(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no model in this folder"):
        load_model(folder)


def test_a_direction_comes_back_as_it_was_written(tmp_path):
    vector = torch.tensor([3.0, 4.0])
    write_direction(tmp_path / "layer_2.pt", StoredDirection(vector, 5.0, 20.0, {"layer": 2, "method": "by hand"}))
    found = load_direction(tmp_path / "layer_2.pt")
    assert torch.equal(found.vector, vector)
    assert (found.vector_norm, found.resid_norm, found.statistics["layer"]) == (5.0, 20.0, 2)
    with pytest.raises(InputError, match="has 2 numbers, but the model's residual stream has 32"):
        load_direction(tmp_path / "layer_2.pt", d_model=32)


class Harm:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_direction_file_is_not_run(tmp_path):
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Harm(tmp_path / "ran")))
    with pytest.raises(InputError, match="damaged"):
        load_direction(tmp_path / "bad.pt")
    assert not (tmp_path / "ran").exists()


def test_results_that_are_not_there_are_one_message(tmp_path):
    for run in (tmp_path, tmp_path / "results.parquet"):
        with pytest.raises(InputError, match="there are no results"):
            load_results(run)
