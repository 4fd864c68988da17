"""The package in a folder with nothing else, for jobs whose environment may hold another one or none."""

import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def only_package(folder: Path) -> Path:
    """Make a folder in which Python finds this package and nothing else.

    On PYTHONPATH it gives a job the package of the run, and not the other packages of the run's environment.

    Args:
        folder: Where it goes, made if need be; of Snakemake in the working directory, `.snakemake`.

    Returns:
        The absolute path of the folder that holds the link.
    """
    link = folder.absolute() / "only_package" / PACKAGE.name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.resolve() == PACKAGE:
        return link.parent
    # A job that starts at the same time finds the old link or the new one.
    with tempfile.TemporaryDirectory(dir=link.parent) as scratch:
        (Path(scratch) / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
        (Path(scratch) / PACKAGE.name).replace(link)
    return link.parent
