"""A Snakemake logger plugin that writes the jobs of a run as JSON lines, which tests read instead of the terminal."""

import json
import os
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """Append a line for each job that is planned (dry run) or started, and one when it has finished, to $JOBS_FILE."""

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def emit(self, record: LogRecord) -> None:
        """Write the record if it tells of a job."""
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            line = {
                "event": "job",
                "number": record.jobid,
                "rule": record.rule_name,
                "wildcards": dict(record.wildcards or {}),
                "output": [str(path) for path in record.output or []],
                "reason": record.reason,
            }
        elif event == LogEvent.JOB_FINISHED:
            line = {"event": "finished", "number": record.job_id}
        else:
            return
        with Path(os.environ["JOBS_FILE"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
