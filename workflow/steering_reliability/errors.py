"""The error that a user sees as one message: what is wrong, where, and what to do about it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something that the user gave cannot be used; printed as one message, never as a traceback.

    Args:
        what: What is wrong, as a sentence without a final full stop.
        where: The file, line, config key or package in which it is wrong.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  to do: {fix}")
        self.what = what
        self.where = where
        self.fix = fix

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """End the process with the message of an InputError that is raised inside, and exit code 1."""
    try:
        yield
    except InputError as error:
        sys.exit(f"error: {error}")
