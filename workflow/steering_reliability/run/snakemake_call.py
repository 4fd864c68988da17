"""How Snakemake is called on this workflow, wherever it lies."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from steering_reliability.config.files import INSTALLED, WORKFLOW

SNAKEFILE = WORKFLOW / "Snakefile"


def snakemake_command(*, configs: Sequence[Path], cores: str, profile: str | None = None) -> list[str]:
    """The beginning of a command line, to be run in `config.files.study_folder`.

    `profile` is a folder, or the name of one that Snakemake or this workflow knows.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(SNAKEFILE), "--cores", cores]
    command += ["--configfile", *(str(path.resolve()) for path in configs)]
    if profile is None:
        return command
    ours = WORKFLOW / "profiles" / profile
    # In place of profiles/default, as docs/cluster.md has it.
    return [*command, *(("--workflow-profile", str(ours)) if ours.is_dir() else ("--profile", profile))]


def snakemake_environment() -> dict[str, str]:
    """The environment in which Snakemake finds the plugin beside this package, and not one of another clone."""
    if INSTALLED:
        return dict(os.environ)
    path = [str(WORKFLOW / "workflow"), *filter(None, [os.getenv("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}
