"""How a run ends: by SIGTERM at whatever moment it comes, and with it what it has started."""

import os
import signal
import sys
import threading
import time
from types import FrameType

LOOK_SECONDS = 1.0


def handle_in_thread(number: signal.Signals = signal.SIGTERM) -> None:
    """Have the handler of a signal run in a thread of its own.

    Snakemake's (`JobScheduler.exit_gracefully`, 9.27) takes a lock that the interrupted main thread may hold, and would
    wait for it without end: met at one SIGTERM in four while many short jobs finish. A thread can wait.

    Args:
        number: The signal; nothing is done where it has no handler of Python's, or where this is not the main thread.
    """
    handler = signal.getsignal(number)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        return

    def in_thread(received: int, frame: FrameType | None) -> None:
        threading.Thread(target=handler, args=(received, frame), daemon=True).start()

    signal.signal(number, in_thread)


def alive(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end_with(owner: int) -> None:
    """Have this process end soon after another one, as by a `kill -9`: what it writes is whole or not there.

    Args:
        owner: The process that it works for; nobody would use what it makes after that one's end.
    """

    def watch() -> None:
        while alive(owner):
            time.sleep(LOOK_SECONDS)
        print(f"the run that this job is of (process {owner}) has ended, and so does the job", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
