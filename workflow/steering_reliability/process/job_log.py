"""What every Snakemake script shares: output that goes to the log, and errors in the house style."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from steering_reliability.errors import InputError
from steering_reliability.process.termination import exit_with_parent


@contextmanager
def logged(log: str) -> Iterator[Callable[[str], None]]:
    """Run a job with its output in the log; what the user must know goes to the terminal too.

    An InputError is one message; of anything else the terminal gets one line and the log the traceback. The job ends
    with the run that it belongs to (`STEERING_OWNER`), if any.

    Yields:
        Says a line in the log and on the terminal.
    """
    if "STEERING_OWNER" in os.environ:
        exit_with_parent(int(os.environ["STEERING_OWNER"]))
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    with path.open("w", encoding="utf-8") as file:
        sys.stdout.flush()
        # The descriptors themselves, since libraries and child processes write to them directly.
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)

    def say(line: str) -> None:
        print(line, flush=True)
        os.write(terminal, f"{line}\n".encode())

    try:
        yield say
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        _leave(terminal, f"\nerror: {error}\n\n")
    except Exception as error:
        traceback.print_exc()
        _leave(terminal, f"\nerror: {error}\n  where: {path}\n  to do: read that log\n\n")
    sys.stdout.flush()
    os.dup2(terminal, 2)


def _leave(terminal: int, message: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(terminal, message.encode())
    # Not sys.exit: Snakemake's preamble would print a traceback around it.
    os._exit(1)
