"""Fixtures that several test modules share."""

import json
from pathlib import Path

import pytest
from campaign import load


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder with the planted tiny model."""
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("tiny_model"))


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path):
    """The planted tiny model, loaded in float32 on the CPU."""
    import torch
    from steering_reliability.model.loading import load_model

    # To share out matrices this small costs far more than to compute them.
    torch.set_num_threads(1)
    return load_model(tiny_folder, device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def real_model():
    """SmolLM2 as `prepare_model` left it, in the number format of the default run."""
    from steering_reliability.model.loading import load_model

    return load_model(_real_folder(), device="cpu", dtype="auto")


@pytest.fixture(scope="session")
def real_blocks(tmp_path_factory: pytest.TempPathFactory):
    """The first three blocks of SmolLM2: their products have the shapes of all thirty, in a tenth of the time."""
    from steering_reliability.model.loading import load_model

    folder = tmp_path_factory.mktemp("real_blocks")
    for path in _real_folder().iterdir():
        if path.name not in ("config.json", "model_card.json"):
            (folder / path.name).symlink_to(path)
    config = json.loads((_real_folder() / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), encoding="utf-8")
    return load_model(folder, device="cpu", dtype="auto")


def _real_folder() -> Path:
    folders = sorted((Path(__file__).parents[1] / "results" / "models").glob("SmolLM2-*/config.json"))
    folders = [path.parent for path in folders if "-refusal-" not in path.parent.name]
    if not folders:
        pytest.skip("results/models/SmolLM2-* is not there: run the target `model` (or `make results`) first")
    return folders[0]


@pytest.fixture(scope="session")
def load_script():
    """Return a function that imports a file of scripts/ by its name."""
    return lambda name: load(name, folder=Path(__file__).parents[1] / "scripts")
