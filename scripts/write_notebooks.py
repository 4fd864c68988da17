"""Write the notebooks' set-up cell, badge and address, and bring each in step with its text form."""

import re
from pathlib import Path

import jupytext
import yaml
from jupytext.cli import jupytext as run_jupytext

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SET_UP = NOTEBOOKS / "shared" / "set_up.py"
ADDRESS = yaml.safe_load((NOTEBOOKS.parent / "CITATION.cff").read_text(encoding="utf-8"))["repository-code"]
COLAB = "https://colab.research.google.com"


def badge(name: str) -> str:
    """The link that opens a notebook of the repository on Colab."""
    place = f"{COLAB}/{ADDRESS.replace('https://github.com', 'github')}/blob/main/notebooks/{name}.ipynb"
    return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({place})"


def with_address(source: str, *, name: str) -> str:
    """A cell that names the repository where CITATION.cff says that it is."""
    source = re.sub(r"^\[!\[Open in Colab\].*$", badge(name), source, flags=re.MULTILINE)
    return re.sub(r'^CLONE_URL = "[^"]*"', f'CLONE_URL = "{ADDRESS}"', source, flags=re.MULTILINE)


def main() -> None:
    """Whichever form of a notebook was edited last counts, but for what is written here."""
    set_up = SET_UP.read_text(encoding="utf-8").strip()
    for path in sorted(NOTEBOOKS.glob("*.py")):
        run_jupytext(["--quiet", "--sync", str(path)])
        notebook = jupytext.read(path, fmt="py:percent")
        before = [cell.source for cell in notebook.cells]
        for cell in notebook.cells:
            is_set_up = "set-up" in cell.metadata.get("tags", [])
            cell.source = set_up if is_set_up else with_address(cell.source, name=path.stem)
        if [cell.source for cell in notebook.cells] != before:
            jupytext.write(notebook, path, fmt="py:percent")
            run_jupytext(["--quiet", "--sync", str(path)])


if __name__ == "__main__":
    main()
