"""What a notebook's numbers are made with, in four lines."""

from pathlib import Path

from steering_reliability.process.code_digest import package_digest
from steering_reliability.process.machine import gpu_name
from steering_reliability.run.record import versions


def describe(folder: str | Path) -> str:
    """Say where the run goes and what makes it.

    Args:
        folder: The run's folder.

    Returns:
        Its place, the digest of the package's code, versions and the GPU, a line each.
    """
    facts = {
        "run": str(folder),
        "code": package_digest(),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
        "GPU": gpu_name() or "none, the CPU computes",
    }
    return "\n".join(f"{name + ':':<9} {fact}" for name, fact in facts.items())
