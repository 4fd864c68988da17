"""What the operating system says of this machine and its processes, on Linux and macOS; no other module asks it."""

import os
import platform
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import psutil

from steering_reliability.errors import InputError


def check_system() -> None:
    """Let Linux and macOS pass.

    Raises:
        InputError: On Windows, which has neither the sockets nor the locks of the workers.
    """
    if sys.platform == "win32":
        fix = "use WSL: run `wsl --install`, then install and start it in there"
        raise InputError("this program runs on Linux and macOS, not on Windows", where="this machine", fix=fix)


def is_mac() -> bool:
    """Whether this is macOS."""
    return sys.platform == "darwin"


def cores() -> int:
    """Cores that this process may use."""
    # macOS lets nobody bind a process to some of the cores.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def total_memory() -> int:
    """Bytes that this machine has."""
    found: int = psutil.virtual_memory().total
    return found


def free_memory(*, group: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this machine, or the control group that this process is confined to, can still give."""
    free: int = psutil.virtual_memory().available
    try:
        most = (group / "memory.max").read_text(encoding="utf-8").strip()
        used = (group / "memory.current").read_text(encoding="utf-8").strip()
    except OSError:
        return free
    return free if most == "max" else min(free, int(most) - int(used))


def start_of(pid: int, *, processes: Path = Path("/proc")) -> float | None:
    """When a process began, to tell it from another one of its number; None where there is none, or nothing is said.

    On Linux in ticks of a clock that nobody sets, elsewhere in seconds.
    """
    try:
        stat = (processes / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        return float(stat.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        pass
    try:
        begun: float = psutil.Process(pid).create_time()
    except (psutil.Error, OSError, ValueError):
        return None
    return begun


@cache
def host_name() -> str:
    """The name of this machine, the same in every network."""
    # Without a name of its own a Mac takes the one that the network gives it, also while a run is on its way.
    named = _first_line("scutil", "--get", "LocalHostName") if is_mac() else ""
    return named or socket.gethostname()


def runtime_folder() -> Path:
    """Where sockets of this user's session go."""
    # A cluster's job inherits the variable from where it was sent off, and the folder may not be on its node.
    session = os.environ.get("XDG_RUNTIME_DIR")
    return Path(session) if session and os.access(session, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def longest_socket() -> int:
    """Bytes that the path of a socket may have: 104 on macOS and 108 on Linux, less the one that ends it."""
    return 103 if is_mac() else 107


def visible_gpus(*, driver: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    """NVIDIA's GPUs that this process may use, without torch: a client has to start in a moment."""
    try:
        present = len(list(driver.iterdir()))
    except OSError:
        return 0
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return present
    return min(present, sum(name.strip() not in ("", "-1") for name in chosen.split(",")))


def processor_facts(*, listed: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """What Linux says of the first processor: `model name`, `flags`, ...; empty on other systems."""
    try:
        text = listed.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def processor_name() -> str:
    """The processor's model, as far as the system says it, else its architecture."""
    named = _first_line("sysctl", "-n", "machdep.cpu.brand_string") if is_mac() else processor_facts().get("model name")
    return named or platform.processor() or platform.machine()


def _first_line(*command: str) -> str:
    """What a program of the system prints; empty where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()
