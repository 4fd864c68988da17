"""Write the set-up cell of the notebooks, and bring each in step with its text form."""

from pathlib import Path

import jupytext
from jupytext.cli import jupytext as run_jupytext

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SET_UP = NOTEBOOKS / "shared" / "set_up.py"


def main() -> None:
    """Whichever form of a notebook was edited last counts, but for its set-up cell."""
    source = SET_UP.read_text(encoding="utf-8").strip()
    for path in sorted(NOTEBOOKS.glob("*.py")):
        run_jupytext(["--quiet", "--sync", str(path)])
        notebook = jupytext.read(path, fmt="py:percent")
        (cell,) = (cell for cell in notebook.cells if "set-up" in cell.metadata.get("tags", []))
        if cell.source != source:
            cell.source = source
            jupytext.write(notebook, path, fmt="py:percent")
            run_jupytext(["--quiet", "--sync", str(path)])


if __name__ == "__main__":
    main()
