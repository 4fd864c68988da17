"""chosen.yaml: read back, and pasted into a config."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from steering_reliability.errors import InputError
from steering_reliability.scan.chosen import Chosen, read_chosen, write_chosen

SCAN = {"share": 0.2, "max_prompts_per_split": 20, "seed": 0}
CHOSEN = Chosen((10, 14, 18), {"add": (0.22, 0.5, 1.0), "ablate": (1.0,)}, ("Layers 10, 14 and 18: why.", "And: more."))


def test_what_is_written_comes_back(tmp_path):
    for chosen in (CHOSEN, Chosen(None, {"add": (0.3,)}), Chosen((3,), None, ("Only layers.",))):
        write_chosen(tmp_path / "chosen.yaml", chosen, scan=SCAN)
        assert read_chosen(tmp_path / "chosen.yaml") == chosen
    assert read_chosen(tmp_path / "none.yaml") is None


def test_the_file_can_be_pasted_into_a_config(tmp_path):
    write_chosen(tmp_path / "chosen.yaml", CHOSEN, scan=SCAN)
    text = (tmp_path / "chosen.yaml").read_text()
    assert text.startswith("# Layers 10, 14 and 18: why.\n# And: more.\n# To pin this choice")
    assert "layers: [10, 14, 18]" in text
    alphas = {"add": [0.22, 0.5, 1.0], "ablate": [1.0]}
    assert yaml.safe_load(text) == {"scan": SCAN, "experiment": {"layers": [10, 14, 18], "alphas": alphas}}


@pytest.mark.parametrize("text", ["", "experiment: 3", "experiment: {layers: x}", "{", "experiment: {alphas: [1]}"])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "chosen.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="choice is damaged") as caught:
        read_chosen(path)
    assert caught.value.where == str(path)


def test_reading_it_costs_no_heavy_import():
    code = "import steering_reliability.scan.chosen, sys; print(*sys.modules)"
    environment = {"PYTHONPATH": str(Path(__file__).parents[3] / "workflow")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "numpy", "pandas", "scipy", "pydantic"}
