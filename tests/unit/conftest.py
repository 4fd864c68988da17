"""A small run on the tiny model, and a finished one."""

import pytest
import yaml


@pytest.fixture
def config(tiny_folder, tmp_path):
    """A run of its own on the tiny model, in a folder of the test: 2 conditions and the baseline."""
    settings = {
        "model": {"name": "tiny", "source": str(tiny_folder), "device": "cpu", "dtype": "float32"},
        "data": {"max_prompts_per_split": 5},
        "generation": {"max_new_tokens": 4},
        "experiment": {
            "layers": [0, 2],
            "alphas": [0.5],
            "interventions": ["add"],
            "output_dir": str(tmp_path / "run"),
        },
        "sanity_checks": {"enabled": False},
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


@pytest.fixture
def finished(tmp_path):
    """A finished run's folder."""
    from synthetic_run import finish_run

    finish_run(tmp_path / "run")
    return tmp_path / "run"
