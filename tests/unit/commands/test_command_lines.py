"""The command lines of the documentation: in an order that Snakemake takes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXTS = [
    path
    for pattern in ("*.md", "docs/*.md", "config.yaml", "configs/**/*.yaml", "workflow/profiles/**/*.yaml", "Makefile")
    for path in ROOT.glob(pattern)
]
# A word behind the files of --configfile that is no option and no file is one that Snakemake would take for a file.
WRONG = re.compile(r"--configfiles?((?:[ =]\S+?\.ya?ml)+) +(?!-)(?!\S+\.ya?ml)[a-z][\w/.]*")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_target_stands_behind_configfile(path):
    assert [found[0] for found in WRONG.finditer(path.read_text(encoding="utf-8"))] == []
