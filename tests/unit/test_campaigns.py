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
