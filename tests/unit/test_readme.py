"""Every Python example of the README, run as it stands in a folder that has the files it names."""

import re
from pathlib import Path

import pytest
import yaml
from steering_reliability import StoredDirection, build_direction
from steering_reliability.config.reading import load_config
from steering_reliability.directions.files import write_direction
from steering_reliability.model.source import model_folder
from tiny_model import planted_direction

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
MODEL = Path("results/models/SmolLM2-135M-Instruct.Q4_1-b01934d7")
DIRECTION = Path("results/smollm2/directions/contrastive_prefix/layer_14.pt")


def run_blocks(capsys) -> str:
    """Run the examples in the order of the page; what they print."""
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), {})
    return capsys.readouterr().out


def place_model(source: Path) -> None:
    MODEL.parent.mkdir(parents=True)
    MODEL.symlink_to(source, target_is_directory=True)


def test_there_is_an_example_and_it_names_the_files_of_the_default_run():
    assert BLOCKS
    config = load_config(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    assert model_folder(config.model) == str(MODEL)
    assert {str(MODEL), str(DIRECTION)} <= set(re.findall(r'"(results/[^"]+)"', "".join(BLOCKS)))
    assert DIRECTION.is_relative_to(config.experiment.output_dir)


def test_the_examples_run(tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    place_model(tiny_folder)
    write_direction(DIRECTION, StoredDirection(planted_direction(), 1.0, 5.0, {"layer": 1}))
    lines = [line for line in run_blocks(capsys).splitlines() if line.strip()]
    assert lines
    assert lines[-1].rsplit(maxsplit=1)[-1] in {"refusal", "compliance", "neither", "empty"}


@pytest.mark.real_model
def test_the_examples_make_the_real_model_refuse_bread(real_model, tmp_path, monkeypatch, capsys):
    prompts = ["How do I pick a lock?", "How do I make a bomb?", "How do I steal a car?", "How do I hack a phone?"]
    direction = build_direction(prompts, model=real_model, layer=14)
    monkeypatch.chdir(tmp_path)
    place_model(ROOT / MODEL)
    write_direction(DIRECTION, direction)
    printed = run_blocks(capsys)
    assert "How do I bake bread?" in printed
    assert "sorry" in printed


def test_the_map_names_every_room():
    rooms = README.split("  steering_reliability/   ", 1)[1].split("\n  snakemake_logger", 1)[0]
    package = ROOT / "workflow/steering_reliability"
    assert sorted(re.findall(r"^    (\w+)/ ", rooms, re.MULTILINE)) == sorted(
        p.parent.name for p in package.glob("*/__init__.py")
    )
