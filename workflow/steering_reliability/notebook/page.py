"""A run's page inside a notebook, where it works as it does in a tab of its own."""

import html
import json
from pathlib import Path
from typing import Final

from IPython.display import HTML

from steering_reliability.config.files import study_folder
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError

_HEAD: Final = '<meta charset="utf-8">'
# A page inside another one has no address of its own: without the first its links would open the notebook once more,
# and without the second it would stop where it writes its filters into the address.
_OWN_ADDRESS: Final = '<base href="about:srcdoc"><script>history.replaceState = () => {};</script>'


def show_page(run: str | Path, *, height: int = 800) -> HTML:
    """Return the report's page for the end of a cell.

    Args:
        run: The run's folder.
        height: Of the frame, in pixels; it scrolls.

    Returns:
        The whole page, so that it is still there when the notebook is saved, sent or converted. Where this machine has
        no page of the run, a sentence that says so.
    """
    page = _find_page(Path(run))
    if page is None:
        return HTML(f"<p>There is no page of the run {html.escape(str(run))} on this machine.</p>")
    text = page.read_text(encoding="utf-8").replace(_HEAD, f"{_HEAD}{_OWN_ADDRESS}", 1)
    # The page can run its own scripts and save files, but does not see the notebook.
    return HTML(
        f'<div><iframe title="Report" sandbox="allow-scripts allow-downloads" width="100%" height="{height}" '
        f'style="border: 1px solid #8884" srcdoc="{html.escape(text)}"></iframe></div>'
    )


def _find_page(run: Path) -> Path | None:
    places = [run / "report", *_configured(run)]
    return next((place / "index.html" for place in places if (place / "index.html").is_file()), None)


def _configured(run: Path) -> list[Path]:
    try:
        config = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["config"]
        return [study_folder() / load_config(config).report_dir]
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return []
