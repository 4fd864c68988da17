"""The package of a run on the path of its jobs, whatever their environment holds."""

import os
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def export_package(beside: Path | None, *, scratch: Path) -> None:
    """Have the scripts and workers that this process starts import the very same package.

    `beside` is the folder of the package in a clone; None for an installed one, of whose environment jobs get nothing
    else. `scratch` is Snakemake's own folder, `.snakemake`.
    """
    package = str(beside or only_package(scratch))
    others = [path for path in os.getenv("PYTHONPATH", "").split(os.pathsep) if path not in ("", package)]
    os.environ.update(STEERING_PACKAGE=package, PYTHONPATH=os.pathsep.join([package, *others]))


def only_package(folder: Path) -> Path:
    """Make a folder in which Python finds this package and nothing else.

    Returns the absolute path of the folder that holds the link.
    """
    link = folder.absolute() / "only_package" / PACKAGE.name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.resolve() == PACKAGE:
        return link.parent
    # A job that starts at the same time finds the old link or the new one.
    with tempfile.TemporaryDirectory(dir=link.parent) as temporary:
        (Path(temporary) / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
        (Path(temporary) / PACKAGE.name).replace(link)
    return link.parent
