"""The error that a user sees as one message: what is wrong, where, and what to do about it."""


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
