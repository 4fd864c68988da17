"""Linux as a Mac, as far as it can play one: with this folder on PYTHONPATH, every Python that starts is like this.

What Linux alone has is taken away, the temporary folder has a long path, sockets have short ones, and our package, not
the libraries, finds no /proc, no /sys and another `sys.platform`: `EMULATED_PLATFORM`, by default `darwin`. What a Mac
has and Linux has not, such as its GPU, is not here.
"""

import importlib.machinery
import os
import sys
from types import SimpleNamespace

PLATFORM = os.environ.get("EMULATED_PLATFORM", "darwin")
ABSENT = "sched_getaffinity sched_setaffinity pidfd_open memfd_create posix_fadvise eventfd copy_file_range splice"
# As long as a Mac's: /var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T
TEMPORARY = "/tmp/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T"
LONGEST_SOCKET = 103
OURS = ("/steering_reliability/", "/workflow/scripts/", "/.snakemake/scripts/", "/rules/")
ASKS = "steering_reliability.process.system"

for name in ABSENT.split():
    if hasattr(os, name):
        delattr(os, name)
os.environ.pop("XDG_RUNTIME_DIR", None)
if os.environ.get("TMPDIR", "/tmp") == "/tmp":
    os.makedirs(TEMPORARY, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib would cost every process
    os.environ["TMPDIR"] = TEMPORARY
if PLATFORM == "win32":
    sys.modules["fcntl"] = None  # type: ignore[assignment]


def is_ours() -> bool:
    """Whether our package asks, and not a library."""
    frame = sys._getframe(2)
    standard = os.path.dirname(os.__file__)  # noqa: PTH120
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen") and (not file.startswith(standard) or "site-packages" in file):
            return any(part in file for part in OURS)
        frame = frame.f_back
    return False


def refuse(event: str, arguments: tuple) -> None:
    """Refuse what a Mac refuses."""
    if event in ("open", "os.listdir", "os.scandir"):
        place = arguments[0]
        if isinstance(place, str) and place.startswith(("/proc", "/sys/")) and is_ours():
            raise FileNotFoundError(2, "not on a Mac", place)
    elif event in ("socket.bind", "socket.connect") and isinstance(arguments[1], str | bytes):
        path = os.fsencode(arguments[1])
        if len(path) > LONGEST_SOCKET or path.startswith(b"\0"):
            raise OSError(f"AF_UNIX path too long, or abstract: {path!r}")


class Finder:
    """Gives our one module that asks the system another answer."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Find that module, and no other."""
        found = importlib.machinery.PathFinder.find_spec(name, path) if name == ASKS else None
        if found is not None:
            load = found.loader.exec_module

            def exec_module(module: object) -> None:
                load(module)
                module.sys = SimpleNamespace(platform=PLATFORM)

            found.loader.exec_module = exec_module
        return found


sys.meta_path.insert(0, Finder)
sys.addaudithook(refuse)
