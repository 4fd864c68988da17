"""The generated pages are those of the code, and every page of the site is there and linked soundly."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("write_reference", ROOT / "scripts/write_reference.py")
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_generated_page_is_in_step_with_the_code(name):
    written = (ROOT / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "run scripts/write_reference.py"


def test_a_key_has_its_values_default_and_meaning():
    (line,) = [line for line in reference.config_page().splitlines() if "`generation.temperature`" in line]
    assert line == ("| `generation.temperature` | number, at least 0, at most 10 | `0.0` | 0 is greedy decoding. |")


def pages() -> list[str]:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    found: list[str] = []

    def walk(items):
        for item in items:
            for value in item.values():
                walk(value) if isinstance(value, list) else found.append(value)

    walk(site["nav"])
    return found


def test_the_site_has_every_page_once():
    assert sorted(pages()) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("path", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not re.match(r"https?://|mailto:", target):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
