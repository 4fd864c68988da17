"""Other versions of what the numbers depend on: does the tiny run finish, and has it the same bytes?

Each version lies in a folder of its own before the project's environment, so that all else stays as locked.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "workflow"), str(Path(__file__).parents[1])]

from golden import checksums  # noqa: E402
from project import Project  # noqa: E402
from steering_reliability.run.reproduction import kind_of  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

VERSIONS = (
    "snakemake==9.20.0", "transformers==5.23.0", "transformer-lens==4.2.0", "transformer-lens==4.0.0",
    "numpy==2.3.5", "pandas==3.0.0", "pyarrow==20.0.0", "scipy==1.15.3", "torch==2.14.1",
)  # fmt: skip
"""The oldest that pyproject.toml allows, and what lies just outside; of torch the newest."""


def run(project: Project, *, before: Path | None) -> tuple[bool, str]:
    """Make the tiny run with a folder of other packages before the environment's own."""
    environment = project.environment() | ({} if before is None else {"PYTHONPATH": str(before)})
    command = [sys.executable, "-m", "snakemake", "--configfile", "run.yaml", "--nocolor", "--cores", "2"]
    done = subprocess.run(
        command, cwd=project.root, env=environment, capture_output=True, text=True, check=False, timeout=1500
    )
    return done.returncode == 0, done.stdout + done.stderr


def tried(version: str, fresh: Project, expected: dict[str, str], place: Path) -> str:
    """A row of the table: what became of a run with another version."""
    packages = place / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # A torch for GPUs does not start without the libraries that come with it: 5 GB.
    alone = [] if version.startswith("torch==") else ["--no-deps"]
    command = [*pip, *alone, "--target", str(packages), version]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"| {version} | can't be installed here | |"
    project = fresh.copy(place / "project")
    is_done, said = run(project, before=packages)
    if not is_done:
        wrong = [line for line in said.splitlines() if "Error" in line or "error:" in line]
        return f"| {version} | fails: {(wrong or ['?'])[-1].strip()[:120]} | |"
    made = checksums(project)
    other = sorted({kind_of(path) for path in expected if made.get(path) != expected[path]})
    return f"| {version} | runs | {'the same bytes' if not other else 'other bytes: ' + ', '.join(other)} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        fresh = Project.create(place / "fresh", model=write_tiny_model(place / "model"))
        fresh.configure()
        locked = fresh.copy(place / "locked")
        is_done, said = run(locked, before=None)
        if not is_done:
            raise SystemExit(said)
        print("| version | the tiny run | beside the locked versions |\n|---|---|---|", flush=True)
        for number, version in enumerate(arguments.versions):
            (place / str(number)).mkdir()
            print(tried(version, fresh, checksums(locked), place / str(number)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
