"""The study that a command is about: the folder of a run, config files, or the default run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steering_reliability.config.files import default_file, read_config
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError
from steering_reliability.files import write_text
from steering_reliability.run.record import as_yaml, config_file, recorded_config


@dataclass(frozen=True)
class Study:
    """A study that a user named.

    `config` is not checked yet; `files` is empty where the study was named by its folder.
    """

    config: dict[str, Any]
    named: str
    files: tuple[Path, ...] = ()

    def files_for_snakemake(self) -> tuple[Path, ...]:
        """Config files that mean the same to Snakemake; for a run's folder the recorded one, written if need be."""
        if self.files:
            return self.files
        recorded = config_file(Path(self.config["experiment"]["output_dir"]))
        if not recorded.is_file() or read_config(recorded) != self.config:
            write_text(recorded, as_yaml(self.config))
        return (recorded,)


def study_of(run: Path | None, configs: Sequence[Path]) -> Study:
    """Find the study that a command is about.

    `run` is the folder of a run or a config file; `configs` are merged from left to right; with neither it is the
    default run.

    Raises:
        InputError: When both are given, a file can't be read, or the folder holds no run.
    """
    if run is not None and configs:
        raise InputError("a run and a config are both given", where=f"{run}, --config", fix="give one of them")
    if run is not None and run.is_dir():
        return Study(_config_of(run), str(run))
    files = (run,) if run is not None else tuple(configs) or (default_file(),)
    return Study(read_config(*files), ", ".join(map(str, files)), files)


def folder_of(run: Path | None, configs: Sequence[Path]) -> Path:
    """The folder of a study's run, whether anything is there or not; the arguments are those of `study_of`."""
    if run is not None and run.is_dir() and not configs:
        return run
    return Path(load_config(study_of(run, configs).config).experiment.output_dir)


def _config_of(run: Path) -> dict[str, Any]:
    config = recorded_config(run)
    try:
        recorded = Path(load_config(config).experiment.output_dir)
    except InputError as error:
        what = f"the recorded config is not valid in this version: {error.what}"
        raise InputError(what, where=str(run), fix="use the version of the project that made the run") from error
    if recorded.resolve() == run.resolve():
        return config
    # Copied from elsewhere: the run is where the user says that it is.
    return config | {"experiment": config["experiment"] | {"output_dir": str(run)}}
