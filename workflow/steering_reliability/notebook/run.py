"""Snakemake run from a cell: one line that is kept up to date, and all other output as it comes."""

import codecs
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from IPython.display import display
from snakemake_logger_plugin_progress import CLEAR

from steering_reliability.config.files import study_folder
from steering_reliability.errors import InputError
from steering_reliability.run.snakemake_call import snakemake_command, snakemake_environment

_READ: Final = 65_536
_LINE: Final = re.compile(re.escape(CLEAR) + r"([^\r\n]*)\r")
# Said at every start, since Snakemake finds profiles/default by itself.
_NO_NEWS: Final = "Using workflow specific profile"


def run_study(config: str | Path, *, cores: int | str = "all", target: str = "all") -> None:
    """Let Snakemake make what is not there yet.

    Args:
        config: The run's config, from `write_study`.
        cores: How many processor cores it may use.
        target: A rule of the workflow, such as `results`.

    Raises:
        InputError: When the run failed or was interrupted.
    """
    began = time.monotonic()
    line = _Line()
    command = snakemake_command(configs=[Path(config)], cores=str(cores))
    command += ["--logger", "progress", "--logger-progress-rewrite", "--show-failed-logs", "--", target]
    process = subprocess.Popen(
        command,
        cwd=study_folder(),
        env=snakemake_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        assert process.stdout is not None
        while read := os.read(process.stdout.fileno(), _READ):
            line.take(decoder.decode(read))
        line.take("\n")
        code = process.wait()
    except KeyboardInterrupt:
        # The interrupt of a kernel reaches Snakemake and its jobs as well, but not on every system.
        process.send_signal(signal.SIGTERM)
        process.communicate()
        code = None
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    line.show(f"{'finished' if code == 0 else 'stopped'} after {minutes}:{seconds:02d}")
    if code != 0:
        raise InputError(
            "the run was interrupted" if code is None else "the run failed; the output above says why",
            where=str(config),
            fix="run this cell again: the run resumes",
        )


class _Line:
    """A line in the output of the cell that is kept up to date; complete lines of other text are printed and stay."""

    def __init__(self) -> None:
        self._shown = ""
        self._waiting = ""
        self._place = display({"text/plain": "planning"}, raw=True, display_id=True)

    def take(self, text: str) -> None:
        """Show what has come of Snakemake's output."""
        rest = _LINE.sub(self._passing, self._waiting + text)
        *complete, self._waiting = rest.split("\n")
        for line in complete:
            text = line.replace(CLEAR, "").strip("\r")
            if text.strip() and not text.startswith(_NO_NEWS):
                print(text)

    def _passing(self, found: re.Match[str]) -> str:
        self.show(found[1])
        return ""

    def show(self, line: str) -> None:
        """Put another line in the place of the one that stands there."""
        if line != self._shown:
            self._shown = line
            self._place.update({"text/plain": line}, raw=True)
