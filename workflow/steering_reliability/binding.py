"""What every Snakemake script shares: a log file, and errors in the house style."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steering_reliability.errors import InputError


@contextmanager
def logged(log: str) -> Iterator[None]:
    """Run a job: an InputError is printed as one message, anything else with its traceback in the log alone.

    Args:
        log: The job's log file.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except InputError as error:
        path.write_text(f"error: {error}\n", encoding="utf-8")
        print(f"\nerror: {error}\n", file=sys.stderr, flush=True)
        os._exit(1)
    except Exception as error:
        path.write_text(traceback.format_exc(), encoding="utf-8")
        print(f"\nerror: {error}\n  where: {path}\n  to do: read that log\n", file=sys.stderr, flush=True)
        os._exit(1)
