"""The short forms of the campaigns; `make campaign` runs the long ones."""

import random
import re
import tempfile
import tomllib
from pathlib import Path

import pytest
from campaign import load
from packaging.requirements import Requirement


@pytest.fixture(scope="module")
def bad_input():
    return load("bad_input")


@pytest.fixture(scope="module")
def hostile():
    return load("hostile")


@pytest.mark.parametrize("kind", ["pickles", "models", "configs", "prompts", "worker"])
def test_what_is_made_to_do_harm_does_none(hostile, kind):
    # A socket's name may have 108 bytes at most.
    with tempfile.TemporaryDirectory(prefix="sr-", dir="/tmp") as place:
        assert list(hostile.CAMPAIGNS[kind](Path(place), random.Random(1))) == []


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


def test_the_tables_of_versions_have_their_place_on_the_page_and_nothing_else_changes_there():
    versions = load("versions")
    page = versions.PAGE.read_text(encoding="utf-8")
    for name in versions.HEADS:
        once = versions.with_table(page, name=name, rows=["| 9.9 | runs |"])
        assert re.findall(r"^Tried on \d{4}-\d\d-\d\d, .*:\n\n\| 9.9 \| runs \|\n<!-- end", once, re.MULTILINE)
        assert versions.with_table(once, name=name, rows=["| 9.9 | runs |"]) == once
        around = re.compile(f"(<!-- versions.py: {name} -->\n).*(?=<!-- end of {name} -->)", re.DOTALL)
        assert around.sub(r"\1", once) == around.sub(r"\1", page)


def test_the_page_names_what_colab_has_in_versions_that_we_cannot_use():
    colab = load("colab")
    project = tomllib.loads((colab.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    out = [name for name, range_ in ranges.items() if name in colab.THERE and colab.THERE[name] not in range_]
    page = " ".join((colab.ROOT / "docs" / "support.md").read_text(encoding="utf-8").split())
    assert f"these are out of range and replaced: {', '.join(sorted(out))}." in page
    assert all(f"{name} stays" in page for name in set(colab.STAY) - set(out))
