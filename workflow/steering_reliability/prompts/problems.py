"""Collect everything that is wrong with a file, so that its owner hears of all of it at once."""

from steering_reliability.errors import InputError

_MAX_LISTED = 20


class Problems:
    """The faults found in one file.

    Args:
        source: The file, as the user knows it.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: list[str] = []

    def add(self, what: str, *, at: str, field: str | None = None) -> None:
        """Note one fault.

        Args:
            what: What is wrong.
            at: The place, for example "line 3".
            field: The field in it, where there is one.
        """
        self._found.append(f"{at}, {field}: {what}" if field else f"{at}: {what}")

    def raise_if_any(self, fix: str) -> None:
        """Raise one error that lists the faults in the order in which they were found, the first 20 in full.

        Args:
            fix: What the user can do about them.

        Raises:
            InputError: If anything was noted.
        """
        if not self._found:
            return
        listed = [f"    {found}" for found in self._found[:_MAX_LISTED]]
        if len(self._found) > _MAX_LISTED:
            listed.append(f"    and {len(self._found) - _MAX_LISTED} more")
        noun = "problem" if len(self._found) == 1 else "problems"
        raise InputError("\n".join([f"{len(self._found)} {noun} in this file", *listed]), where=self.source, fix=fix)
