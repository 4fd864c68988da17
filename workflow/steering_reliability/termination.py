"""SIGTERM ends a run after the jobs that are under way, at whatever moment it comes."""

import signal
import threading
from types import FrameType


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
