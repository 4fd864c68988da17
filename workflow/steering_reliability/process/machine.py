"""What a file is made with: machine, number format, version of torch, commit of the code."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any


@cache
def machine_facts() -> dict[str, Any]:
    """The machine, as far as it may show in the last digits of a number."""
    import torch  # noqa: PLC0415 - costs seconds, and only some jobs compute

    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": processor_facts().get("model name") or platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu_name(),
    }


def processor_facts() -> dict[str, str]:
    """The keys of the first processor in /proc/cpuinfo; empty where the system has no such file."""
    listed = Path("/proc/cpuinfo")
    text = listed.read_text(encoding="utf-8", errors="replace") if listed.is_file() else ""
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def gpu_name() -> str | None:
    """The GPU that computes; None where the CPU does."""
    import torch  # noqa: PLC0415 - costs seconds, and only some jobs compute

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def code_commit(package: Path = Path(__file__).parents[1]) -> str | None:
    """The commit of the package's clone, with ` (changed)` where its code differs from it; None without a clone."""
    clone = package.parents[1]
    if not (clone / ".git").exists():
        return None
    commit = _git(clone, "rev-parse", "HEAD")
    changed = _git(clone, "status", "--porcelain", "--untracked-files=no", "--", "Snakefile", "rules", "workflow")
    return f"{commit} (changed)" if commit and changed else commit or None


def _git(clone: Path, *arguments: str) -> str:
    # No optional locks: another git may be at work in the clone.
    command = ["git", "-C", str(clone), *arguments]
    try:
        found = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()
