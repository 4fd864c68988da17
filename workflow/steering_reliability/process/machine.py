"""What a file is made with: machine, number format, version of torch, commit of the code."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from steering_reliability.process.system import processor_name


@cache
def machine_facts() -> dict[str, Any]:
    """The machine, as far as it may show in the last digits of a number."""
    import torch  # noqa: PLC0415 - costs seconds, and only some jobs compute

    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": processor_name(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu_name(),
    }


def gpu_name() -> str | None:
    """The NVIDIA GPU of this machine, if there is one."""
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
