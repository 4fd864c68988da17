"""The notebooks as they are stored: in step with their text form, without outputs, one cell of parameters."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHARED = {"RUN_ID", "OUTPUT_DIR", "MODEL", "PROMPTS", "CHANGES", "CORES", "CLONE_URL"}


def cells(notebook):
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs_in_step_with_its_text_form(path):
    stored, text = nbformat.read(path, as_version=4), jupytext.read(path.with_suffix(".py"), fmt="py:percent")
    nbformat.validate(stored)
    assert cells(stored) == cells(text)
    assert stored.metadata["kernelspec"]["name"] == text.metadata["kernelspec"]["name"] == "python3"
    assert stored.metadata["jupytext"]["formats"] == text.metadata["jupytext"]["formats"] == "ipynb,py:percent"
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_what_it_is_and_has_one_cell_of_parameters_which_it_uses_and_the_shared_set_up(path):
    first, second, third, *others = nbformat.read(path, as_version=4).cells
    assert first.cell_type == "markdown"
    assert "minute" in first.source
    assert second.metadata["tags"] == ["parameters"]
    assert set(re.findall(r"^([A-Z_]+) = ", second.source, flags=re.MULTILINE)) >= SHARED
    assert third.metadata["tags"] == ["set-up"]
    assert third.source == (ROOT / "notebooks" / "shared" / "set_up.py").read_text(encoding="utf-8").strip()
    assert not any(cell.metadata.get("tags") for cell in others)
    given = {node.id for node in ast.walk(ast.parse(second.source)) if isinstance(node, ast.Name)}
    code = [ast.parse(cell.source) for cell in (third, *others) if cell.cell_type == "code"]
    assert given <= {node.id for tree in code for node in ast.walk(tree) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_from_its_badge_asks_for_the_model_first_and_ends_with_the_zip(path):
    first, second, *_, last = nbformat.read(path, as_version=4).cells
    address = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"]
    opened = f"https://colab.research.google.com/github/{address.removeprefix('https://github.com/')}/blob/main/"
    assert re.findall(r"badge.svg\)\]\((.*?)\)", first.source) == [f"{opened}notebooks/{path.name}"]
    assert f"]({opened}notebooks/{path.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f'\nCLONE_URL = "{address}"' in second.source
    assert second.source.startswith('MODEL = ""  # ')
    assert last.source.startswith("offer_zip(")


def test_a_changed_set_up_cell_is_written_into_every_notebook(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "write_notebooks.py", tmp_path / "scripts")
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    (tmp_path / "notebooks" / "shared" / "set_up.py").write_text("print('another')\n", encoding="utf-8")
    command = [sys.executable, str(tmp_path / "scripts" / "write_notebooks.py")]
    subprocess.run(command, check=True, env=os.environ | {"HOME": str(tmp_path)}, cwd=tmp_path)
    for path in NOTEBOOKS:
        now = tmp_path / "notebooks" / path.name
        was = cells(nbformat.read(path, as_version=4))
        changed = [*was[:2], ("code", "print('another')", ["set-up"]), *was[3:]]
        assert cells(nbformat.read(now, as_version=4)) == changed
        assert cells(jupytext.read(now.with_suffix(".py"), fmt="py:percent")) == changed
