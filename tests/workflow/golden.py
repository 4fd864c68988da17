"""Checksums of the tiny run, per kind of processor: bytes that change without anyone's intent are noticed.

After an intended change: `make golden`, on each kind of machine there is a file for, or delete the others.
"""

import platform
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "workflow"), str(Path(__file__).parents[1])]

import torch  # noqa: E402
from project import Project  # noqa: E402
from steering_reliability.process.system import processor_facts  # noqa: E402
from steering_reliability.run.checksums import read_checksums  # noqa: E402
from steering_reliability.run.reproduction import kind_of  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"
_FACTS = ("vendor_id", "cpu family", "model")


def processor() -> str:
    """A name for what decides the last bits: architecture, vectors, and the processor's vendor, family and model."""
    known = processor_facts()
    parts = [platform.machine(), torch.backends.cpu.get_cpu_capability(), *(known.get(name, "") for name in _FACTS)]
    return "-".join(part.replace(" ", "_") for part in parts if part)


def golden_file() -> Path:
    """Where the checksums of this kind of processor are, if they are."""
    return GOLDEN / f"{processor()}.sha256"


def checksums(project: Project) -> dict[str, str]:
    """Of the tiny run's files, but for those that name the machine and the code."""
    recorded = read_checksums(project.root / "results/tiny/SHA256SUMS")
    return {path: digest for path, digest in recorded.items() if kind_of(path) != "records"}


def main() -> None:
    """Make the tiny run and keep its checksums."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Project.create(Path(scratch) / "project", model=write_tiny_model(Path(scratch) / "model"))
        project.configure()
        run = project.snakemake("--cores", "4")
        if run.code != 0:
            raise SystemExit(run.output)
        kept = checksums(project)
    GOLDEN.mkdir(exist_ok=True)
    golden_file().write_text("".join(f"{digest}  {path}\n" for path, digest in sorted(kept.items())), encoding="utf-8")
    print(golden_file())


if __name__ == "__main__":
    main()
