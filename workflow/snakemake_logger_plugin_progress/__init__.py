"""`snakemake --logger progress`: one calm line instead of a page per job; warnings and errors whole."""

import json
import sys
import time
from dataclasses import dataclass, field
from logging import WARNING, LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from snakemake_logger_plugin_progress.progress import Progress

_FAILURES = (LogEvent.ERROR, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """What can be chosen on the command line."""

    rewrite: bool = field(
        default=False, metadata={"help": "Keep one line up to date where there is no terminal, as for a notebook."}
    )


class LogHandler(LogHandlerBase):
    """Keeps one line up to date on a terminal, and prints a line now and then where there is none."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Begin with nothing planned."""
        self.progress = Progress(clock=time.monotonic)
        self.outputs: dict[int, list[str]] = {}
        self.rewrites = sys.stderr.isatty() or bool(getattr(self.settings, "rewrite", False))
        self.printed = ""

    def emit(self, record: LogRecord) -> None:
        """Take in what Snakemake says."""
        event, facts = getattr(record, "event", None), record.__dict__
        if event == LogEvent.RUN_INFO:
            self.progress.planned({name: count for name, count in facts["stats"].items() if name != "total"})
        elif event == LogEvent.JOB_INFO:
            self.outputs[facts["jobid"]] = [str(path) for path in facts["output"] or []]
            self.progress.started(facts["jobid"], facts["rule_name"])
        elif event == LogEvent.JOB_FINISHED:
            job = facts["job_id"]
            self.progress.finished(job, tokens=_tokens(self.outputs.pop(job, [])))
        elif event == LogEvent.PROGRESS:
            self.progress.grown(int(facts["total"]))
        elif event in _FAILURES or record.levelno >= WARNING:
            self._say(self.format(record))
            return
        self._show()

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{CLEAR if self.rewrites else ''}{text.rstrip()}\n")
        self.printed = ""

    def _show(self) -> None:
        if self.rewrites:
            # What others say stands in its place, and not behind it.
            sys.stderr.write(f"{CLEAR}{self.progress.line()[: _width()]}\r")
        elif self.progress.milestone() != self.printed:
            self.printed = self.progress.milestone()
            sys.stderr.write(f"{self.progress.line()}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the last line where it is."""
        if self.rewrites and self.progress.total:
            sys.stderr.write("\n")
        super().close()


CLEAR = "\r\x1b[2K"
"""What goes before a line that takes the place of the one before it."""


def _width() -> int:
    import shutil  # noqa: PLC0415 - a terminal may change its size

    return shutil.get_terminal_size().columns - 1


def _tokens(outputs: list[str]) -> int:
    """Tokens in the shards among a job's files; what can't be read counts nothing, since this is only a display."""
    total = 0
    for path in outputs:
        if "/completions/" in path and path.endswith(".jsonl"):
            try:
                lines = Path(path).read_text(encoding="utf-8").splitlines()
                total += sum(int(json.loads(line)["n_tokens"]) for line in lines)
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return total
