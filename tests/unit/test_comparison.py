"""What docs/comparison.md says of this workflow is what the code does; its rows are whole."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from steering_reliability.config.fields import Intervention, Method
from steering_reliability.config.reading import load_config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/comparison.md").read_text(encoding="utf-8")
HEADER, _, *ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", PAGE, re.M)
]
OURS = dict(zip(HEADER, ROWS[0], strict=True))
CHAPTERS = dict(re.findall(r"^## (.+)\n\n((?:.|\n)+?)(?=\n## |\Z)", PAGE, re.M))


def test_it_names_the_methods_and_interventions_of_the_schema():
    methods, interventions = re.search(r"learns with ((?:.|\n)+?), and steers with\n((?:.|\n)+?) \(", PAGE).groups()
    # A random vector is learned from nothing.
    assert re.findall(r"`(\w+)`", methods) == [name for name in get_args(Method) if name != "random"]
    assert re.findall(r"`(\w+)`", interventions) == list(get_args(Intervention))
    assert OURS["learns"].startswith(f"{len(get_args(Method)) - 1} methods")
    assert OURS["steers"].endswith(f"{len(get_args(Intervention))} interventions")


def test_it_counts_the_controls_of_the_default_study():
    checks = load_config(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))).sanity_checks
    assert (
        f"{len(checks.random_seeds)} random and {len(checks.shuffled_seeds)} shuffled" in OURS["uncertainty, controls"]
    )


@pytest.mark.parametrize(
    "column, said, elsewhere, there",
    [
        ("runs on", "GPU not tested", "docs/support.md", "Not tested: ARM and GPUs"),
        ("runs on", "SLURM", "docs/cluster.md", "| SLURM 22.05"),
        ("layer and strength", "scan on prompts kept for it, at equal KL", "docs/scan.md", "No reserved prompt"),
        ("scores text by", "your function", "docs/own.md", "Your function replaces the phrase rules"),
    ],
)
def test_it_agrees_with_the_other_pages(column, said, elsewhere, there):
    assert said in OURS[column]
    assert there in (ROOT / elsewhere).read_text(encoding="utf-8")


def test_every_row_is_whole_and_has_its_line():
    assert {len(row) for row in ROWS} == {len(HEADER)}
    assert all(cell for row in ROWS for cell in row)
    tools = [re.search(r"\[([\w-]+)\]|\*\*(.+)\*\*", row[0]) for row in ROWS]
    chosen = re.findall(r"^- \*\*(.+?)\*\*:", CHAPTERS["Choose it when"], re.M)
    assert [name.lower() for name in chosen] == [(tool[1] or tool[2]).lower() for tool in tools]
