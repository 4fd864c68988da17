"""Loading what is there, and what a user reads when it is not."""

import pytest
import torch
from steering_reliability import InputError, load_direction, load_model, load_results


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, so nothing falls back")
def test_without_a_gpu_cuda_falls_back_with_one_warning(tiny_folder):
    with pytest.warns(UserWarning, match="no GPU is visible") as caught:
        model = load_model(tiny_folder, device="cuda", dtype="float16")
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert len([one for one in caught if "GPU" in str(one.message)]) == 1


@pytest.mark.parametrize("folder", ["no-such-folder", "someone/some-model"])
def test_what_is_not_there_is_one_message_and_asks_no_hub(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no model in this folder"):
        load_model(folder)
    with pytest.raises(InputError, match="there are no results"):
        load_results(folder)
    with pytest.raises(InputError, match="there is no direction"):
        load_direction(f"{folder}/layer_2.pt")
