"""The notebooks as they are stored: in step with their text form, without outputs, one cell of parameters."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def cells(notebook):
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def test_there_are_three():
    assert [path.stem for path in NOTEBOOKS] == ["01_smoke_test", "02_full_sweep", "03_analysis"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestStored:
    def test_the_text_form_says_the_same(self, path):
        text = jupytext.read(path.with_suffix(".py"), fmt="py:percent")
        stored = nbformat.read(path, as_version=4)
        assert cells(stored) == cells(text)
        assert stored.metadata["kernelspec"]["name"] == text.metadata["kernelspec"]["name"] == "python3"
        assert stored.metadata["jupytext"]["formats"] == text.metadata["jupytext"]["formats"] == "ipynb,py:percent"

    def test_it_is_valid_and_holds_no_output(self, path):
        stored = nbformat.read(path, as_version=4)
        nbformat.validate(stored)
        code = [cell for cell in stored.cells if cell.cell_type == "code"]
        assert len(code) >= 5
        assert all(not cell.outputs and cell.execution_count is None for cell in code)

    def test_it_says_what_it_is_and_then_has_one_cell_of_parameters(self, path):
        first, second, *others = nbformat.read(path, as_version=4).cells
        assert first.cell_type == "markdown"
        assert re.search(r"minute", first.source)
        assert second.metadata["tags"] == ["parameters"]
        assert {"RUN_ID", "OUTPUT_DIR", "CLONE_URL"} <= set(
            re.findall(r"^([A-Z_]+) = ", second.source, flags=re.MULTILINE)
        )
        assert not any(cell.metadata.get("tags") for cell in others)
