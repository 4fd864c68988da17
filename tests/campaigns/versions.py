"""Other Pythons, and other versions of what the numbers depend on: does the tiny run finish, and has it the same bytes?

A Python (`--python PATH`) gets a clone of what is committed, where `make .venv/ready` installs the lock; the unit tests
run there too. A version of a package lies in a folder of its own before the project's environment, so that all else
stays as locked. `--write` puts what was tried in place of the tables in docs/support.md.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "workflow"), str(ROOT / "tests")]

from golden import checksums  # noqa: E402
from project import Project  # noqa: E402
from steering_reliability.process.system import processor_name  # noqa: E402
from steering_reliability.run.reproduction import kind_of  # noqa: E402
from tiny_model import write_tiny_model  # noqa: E402

VERSIONS = (
    "snakemake==9.20.0", "transformers==5.23.0", "transformer-lens==4.2.0", "transformer-lens==4.0.0",
    "numpy==2.3.5", "pandas==3.0.0", "pyarrow==20.0.0", "scipy==1.15.3", "torch==2.14.1",
)  # fmt: skip
"""The oldest that pyproject.toml allows, and what lies just outside; of torch the newest."""

PAGE = ROOT / "docs" / "support.md"
READ: dict[str, Any] = {"capture_output": True, "text": True}
HEADS = {
    "Pythons": "| Python | the lock | unit tests | the tiny study | compared with the project's environment |\n"
    "|---|---|---|---|---|",
    "packages": "| version | the tiny study | compared with the pinned versions |\n|---|---|---|",
}


def run(project: Project, *, before: Path | None = None, python: str = sys.executable) -> tuple[bool, str]:
    """Make the tiny run with a folder of other packages before the environment's own, or with another environment."""
    environment = project.environment() | ({} if before is None else {"PYTHONPATH": str(before)})
    command = [python, "-m", "snakemake", "--configfile", "run.yaml", "--nocolor", "--cores", "2"]
    done = subprocess.run(
        command, cwd=project.root, env=environment, capture_output=True, text=True, check=False, timeout=1500
    )
    return done.returncode == 0, done.stdout + done.stderr


def tried(version: str, *, fresh: Project, expected: dict[str, str], place: Path) -> str:
    """A row of the table: what became of a run with another version."""
    packages = place / "packages"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # A torch for GPUs does not start without the libraries that come with it: 5 GB.
    alone = [] if version.startswith("torch==") else ["--no-deps"]
    command = [*pip, *alone, "--target", str(packages), version]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"| {version} | can't be installed here | |"
    is_done, same = outcome(fresh.copy(place / "project"), expected, before=packages)
    return f"| {version} | {is_done} | {same} |"


def outcome(
    project: Project, expected: dict[str, str], *, before: Path | None = None, python: str = sys.executable
) -> tuple[str, str]:
    """Whether the tiny run finishes, and how its bytes compare."""
    is_done, said = run(project, before=before, python=python)
    if not is_done:
        wrong = [line for line in said.splitlines() if "Error" in line or "error:" in line]
        return f"fails: {(wrong or ['?'])[-1].strip()[:120]}", ""
    made = checksums(project)
    other = sorted({kind_of(path) for path in expected if made.get(path) != expected[path]})
    return "runs", "the same bytes" if not other else f"other bytes: {', '.join(other)}"


def tried_python(python: str, *, fresh: Project, expected: dict[str, str], place: Path) -> str:
    """A row of the table: what became of the lock, the unit tests and the run with another Python."""
    said = subprocess.run([python, "--version"], check=True, **READ).stdout
    version = said.strip().removeprefix("Python ")
    clone = place / f"python-{version}"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    make = ["make", ".venv/ready", f"PYTHON={python}"]
    made = subprocess.run(make, cwd=clone, env=environment, check=False, **READ)
    if made.returncode != 0:
        return f"| {version} | fails: {(made.stderr.strip().splitlines() or ['?'])[-1][:120]} | | | |"
    own = str(clone / ".venv" / "bin" / "python")
    command = [own, "-m", "pytest", "-q", "-m", "not slow", "tests/unit"]
    environment |= {"OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, cwd=clone, env=environment, check=False, **READ).stdout
    print(said, file=sys.stderr)
    counted = re.findall(r"^(\d+ .*) in [\d.]+s", said, re.MULTILINE)
    is_done, same = outcome(fresh.copy(place / f"project-{version}"), expected, python=own)
    return f"| {version} | installs | {(counted or ['do not start'])[-1]} | {is_done} | {same} |"


def with_table(page: str, *, name: str, rows: Sequence[str]) -> str:
    """A page with another table between its two markers, under the day and the processor."""
    start, end = f"<!-- versions.py: {name} -->\n", f"<!-- end of {name} -->"
    before, after = page[: page.index(start)], page[page.index(end) + len(end) :]
    text = "\n".join([f"Tried on {datetime.date.today()}, {processor_name()}:", "", *rows, ""])
    return f"{before}{start}{text}{end}{after}"


def tables(arguments: argparse.Namespace, place: Path) -> Iterator[tuple[str, list[str]]]:
    """Each table's name and rows, printed as they come."""
    fresh = Project.create(place / "fresh", model=write_tiny_model(place / "model"))
    fresh.configure()
    locked = fresh.copy(place / "locked")
    is_done, said = run(locked)
    if not is_done:
        raise SystemExit(said)
    known = {"fresh": fresh, "expected": checksums(locked)}
    versions = arguments.versions or (() if arguments.python else VERSIONS)
    wanted = {
        "Pythons": [partial(tried_python, one, place=place, **known) for one in arguments.python],
        "packages": [partial(tried, one, place=place / str(n), **known) for n, one in enumerate(versions)],
    }
    for name, tries in wanted.items():
        if tries:
            rows = [HEADS[name]]
            print(rows[0])
            for row_of in tries:
                rows.append(row_of())
                print(rows[-1], flush=True)
            yield name, rows


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", help="package==version; without any, and without --python, a list")
    parser.add_argument("--python", nargs="+", default=[], help="other interpreters")
    parser.add_argument("--write", action="store_true", help="write what was tried into docs/support.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name, rows in tables(arguments, Path(scratch)):
            if arguments.write:
                PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), name=name, rows=rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
