"""What a GGUF file says of itself before its tensors, read without parsing its vocabulary.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import mmap
import struct
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from steering_reliability.errors import InputError

_NUMBERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9
_VERSIONS: Final = (2, 3)
_LENGTH: Final = struct.Struct("<Q")


def read_header(path: Path, *, wanted: Collection[str]) -> dict[str, Any]:
    """Read some of a file's numbers and strings; lists are stepped over.

    Args:
        path: The GGUF file.
        wanted: Keys; `*.block_count` stands for the one with that ending. Reading ends when all are found, and they
            usually stand before the vocabulary. What the file does not say is left out.

    Raises:
        InputError: When it is no readable GGUF file.
    """
    try:
        stat = path.stat()
        return dict(_read(path, tuple(sorted(wanted)), stat.st_size, stat.st_mtime_ns))
    except (ValueError, OSError, IndexError, struct.error) as error:
        raise InputError("this is not a readable GGUF file", where=str(path), fix="fetch it again") from error


@lru_cache(maxsize=64)
def _read(path: Path, wanted: tuple[str, ...], size: int, changed: int) -> dict[str, Any]:
    del size, changed  # A file of another size or time is another file.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        magic, version, _, entries = struct.unpack_from("<4sIQQ", data)
        if magic != b"GGUF" or version not in _VERSIONS:
            raise ValueError(f"{magic!r}, version {version}")
        found: dict[str, Any] = {}
        place = 24
        for _ in range(entries):
            key, place = _string(data, place)
            name = next((one for one in wanted if key == one or (one[0] == "*" and key.endswith(one[1:]))), None)
            (kind,) = struct.unpack_from("<I", data, place)
            value, place = _value(data, place + 4, kind=kind)
            if name is not None:
                found[name] = value
            if len(found) == len(wanted):
                break
        return found


def _value(data: mmap.mmap, place: int, *, kind: int) -> tuple[Any, int]:
    """A value and the place behind it; None for a list."""
    if kind == _STRING:
        return _string(data, place)
    if kind == _ARRAY:
        inner, count = struct.unpack_from("<IQ", data, place)
        return None, _behind_list(data, place + 12, kind=inner, count=count)
    form = f"<{_NUMBERS[kind]}" if kind in _NUMBERS else ""
    if not form:
        raise ValueError(f"values of type {kind}")
    return struct.unpack_from(form, data, place)[0], place + struct.calcsize(form)


def _behind_list(data: mmap.mmap, place: int, *, kind: int, count: int) -> int:
    if kind in _NUMBERS:
        return place + count * struct.calcsize(f"<{_NUMBERS[kind]}")
    for _ in range(count):
        if kind == _STRING:
            place += 8 + _LENGTH.unpack_from(data, place)[0]
        else:
            _, place = _value(data, place, kind=kind)
    return place


def _string(data: mmap.mmap, place: int) -> tuple[str, int]:
    (length,) = _LENGTH.unpack_from(data, place)
    end = place + 8 + length
    if end > len(data):
        raise ValueError("a text goes beyond the end of the file")
    return data[place + 8 : end].decode("utf-8"), end
