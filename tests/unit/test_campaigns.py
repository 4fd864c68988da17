"""The short forms of the campaigns; `make campaign` runs the long ones."""

import importlib.util
import random
from pathlib import Path

import pytest

CAMPAIGNS = Path(__file__).parents[1] / "campaigns"


@pytest.fixture(scope="module")
def bad_input():
    spec = importlib.util.spec_from_file_location("bad_input", CAMPAIGNS / "bad_input.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_broken_configs_are_refused_in_one_message(bad_input):
    counts, defects = bad_input.try_configs(150, random.Random(1))
    assert defects == []
    assert counts["refused"] > counts["accepted"] > 0


def test_broken_prompt_files_are_refused_in_one_message(bad_input):
    counts, defects = bad_input.try_prompts(150, random.Random(1))
    assert defects == []
    assert counts["refused"] > 100


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("data", "benign_path", "x" * 5000),
        ("model", "source", "x" * 300),
        ("direction", "file", "y/" * 3000),
        ("experiment", "layers", [float("inf")]),
    ],
)
def test_what_the_campaign_found_is_refused(bad_input, section, key, value):
    config = bad_input.read_config(bad_input.ROOT / "configs/tiny.yaml")
    config.setdefault(section, {})[key] = value
    outcome, message = bad_input.judge(lambda: bad_input.plan_run(config))
    assert outcome == "refused", message
    assert f"{section}.{key}" in message
