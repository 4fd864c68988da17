"""A handler that needs a lock of the interrupted thread gets it later; a job ends with its run."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from steering_reliability.process.termination import handle_in_thread


@pytest.fixture
def number():
    """A signal that nobody else uses, and its handler again as it was."""
    before = signal.getsignal(signal.SIGUSR2)
    yield signal.SIGUSR2
    signal.signal(signal.SIGUSR2, before)


def test_a_handler_waits_for_the_lock_of_the_thread_that_it_interrupts(number):
    lock, handled = threading.Lock(), threading.Event()

    def handler(received, frame):
        with lock:
            handled.set()

    signal.signal(number, handler)
    handle_in_thread(number)
    with lock:
        os.kill(os.getpid(), number)
        # Called in this very thread it would never come back from here.
        assert not handled.wait(timeout=0.1)
    assert handled.wait(timeout=10)


@pytest.mark.parametrize("nothing", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_signal_without_a_handler_keeps_its_meaning(number, nothing):
    signal.signal(number, nothing)
    handle_in_thread(number)
    assert signal.getsignal(number) is nothing


def test_outside_the_main_thread_nothing_happens(number):
    def handler(received, frame):
        raise AssertionError

    signal.signal(number, handler)
    other = threading.Thread(target=handle_in_thread, args=(number,))
    other.start()
    other.join()
    assert signal.getsignal(number) is handler


def test_a_process_ends_soon_after_the_one_that_it_works_for():
    with subprocess.Popen(["sleep", "600"]) as owner:
        module = "steering_reliability.process.termination"
        work = f"from {module} import exit_with_parent, time; exit_with_parent({owner.pid}); time.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", work], stderr=subprocess.PIPE, text=True) as job:
            with pytest.raises(subprocess.TimeoutExpired):
                job.wait(timeout=2)
            owner.kill()
            owner.wait()
            assert job.wait(timeout=30) == 1
            assert f"(process {owner.pid}) has ended" in job.stderr.read()
