"""How a run ends: by SIGTERM at whatever moment it comes, and with it the jobs that it has started."""

import os
import signal
import sys
import threading
import time
from types import FrameType

import psutil

LOOK_SECONDS = 1.0


def handle_in_thread(number: signal.Signals = signal.SIGTERM) -> None:
    """Run the handler of a signal in a thread of its own.

    Snakemake's (`JobScheduler.exit_gracefully`, 9.27) takes a lock that the interrupted main thread may hold, and would
    wait for it without end: met at one SIGTERM in four while many short jobs finish. A thread can wait.

    Nothing is done where the signal has no handler of Python's, or where this is not the main thread.
    """
    handler = signal.getsignal(number)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        return

    def in_thread(received: int, frame: FrameType | None) -> None:
        threading.Thread(target=handler, args=(received, frame), daemon=True).start()

    signal.signal(number, in_thread)


def exit_with_parent(parent: int) -> None:
    """End this process soon after another one has ended, however that one did, `kill -9` included.

    What is written when the parent ends is complete or not there.
    """

    def watch() -> None:
        while psutil.pid_exists(parent):
            time.sleep(LOOK_SECONDS)
        print(f"the run that this job is of (process {parent}) has ended; the job stops", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
