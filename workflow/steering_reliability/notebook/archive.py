"""A run's folder as one file, offered where the notebook is read."""

import html
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from IPython.display import HTML


def offer_zip(run: str | Path, *, beside: str | Path = ".") -> HTML:
    """Zip a run's folder, and offer the file: the browser downloads it on Colab, elsewhere a link leads to it.

    Args:
        run: The run's folder; the file lies beside it, with `.zip` after its name.
        beside: The notebook's own folder, from which Jupyter reads a link.

    Returns:
        The link, with the file's size and place.
    """
    run = Path(run).resolve()
    archive = Path(shutil.make_archive(str(run), "zip", root_dir=run.parent, base_dir=run.name))
    # Colab has loaded it, and nobody else has it.
    if colab := sys.modules.get("google.colab"):
        colab.files.download(str(archive))
    link = quote(os.path.relpath(archive, Path(beside).resolve()))
    size = f"{archive.stat().st_size / 1e6:.1f} MB"
    return HTML(
        f'<p><a href="{link}" download>{html.escape(archive.name)}</a> ({size}): {html.escape(str(archive))}</p>'
    )
