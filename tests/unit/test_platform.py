"""Nothing but process/system.py reads what Linux alone has; ruff's list of banned calls does the rest."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEM = ROOT / "workflow/steering_reliability/process/system.py"
SOURCES = sorted(path for folder in ("workflow", "scripts", "notebooks") for path in (ROOT / folder).rglob("*.py"))
LINUX = re.compile(r"(?<![\w.])(/(proc|sys|dev/shm|run/user)(?![\w.-])|XDG_RUNTIME_DIR)")


def named(text: str) -> list[str]:
    """Places of Linux that a Python file names in a string of its own."""
    strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return [one for one in strings if isinstance(one, str) and LINUX.search(one)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_other_module_names_a_place_of_linux(path):
    found = named(path.read_text(encoding="utf-8"))
    assert bool(found) == (path == SYSTEM), found


def test_a_new_one_would_be_found():
    assert named('Path(f"/proc/{pid}/stat")') == ["/proc/"]


@pytest.mark.parametrize("name", ["Snakefile", "rules", "Makefile", ".ci"])
def test_nor_do_the_rules_or_the_makefile(name):
    place = ROOT / name
    for path in [place] if place.is_file() else place.iterdir():
        assert not LINUX.search(path.read_text(encoding="utf-8")), path
