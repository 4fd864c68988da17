"""The three notebooks on a machine with nothing: an empty folder, an environment with a kernel, a clone's address.

What is committed is cloned, and all packages come from the registry; a few prompts and tokens on the embedded model.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[2]
KERNEL = ("ipykernel", "papermill")
SMALL = {
    "PROMPTS": 4,
    "CHANGES": {"generation": {"max_new_tokens": 6}, "sanity_checks": {"enabled": False}},
    "CORES": 2,
}
GIVEN = {"01_smoke_test": {}, "02_full_sweep": {"LAYERS": [10, 14], "ALPHAS": [0.4]}, "03_analysis": {"EXAMPLES": 1}}


def execute(name: str, *, python: Path, work: Path, url: str) -> tuple[float, list[str]]:
    """Run a notebook with small parameters; seconds, and what it stopped with, if it did."""
    given, executed = work.parent / f"{name}.yaml", work.parent / f"{name}.ipynb"
    given.write_text(yaml.safe_dump({**SMALL, **GIVEN[name], "CLONE_URL": url}), encoding="utf-8")
    command = [str(python), "-m", "papermill", str(ROOT / "notebooks" / f"{name}.ipynb"), str(executed)]
    command += ["--parameters_file", str(given), "--cwd", str(work), "--kernel", "python3", "--no-progress-bar"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    began = time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=False)
    cells = nbformat.read(executed, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    return time.monotonic() - began, ["\n".join(one.traceback) for one in outputs if one.output_type == "error"]


def main() -> int:
    """Print a line for each notebook."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", type=Path, help="an empty folder that is kept; else a temporary one")
    place = parser.parse_args().place or Path(tempfile.mkdtemp(prefix="notebooks-"))
    work, origin, python = place / "work", place / "origin.git", place / "venv" / "bin" / "python"
    work.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(origin)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--constraint", str(ROOT / "requirements.lock"), *KERNEL], check=True)
    failed = 0
    for name in GIVEN:
        # The first one clones and installs; Colab would give each a machine of its own.
        seconds, errors = execute(name, python=python, work=work, url=origin.as_uri())
        print(
            f"{name}: {'stopped' if errors else 'ran to its end'} after {seconds:.0f} s", *errors, sep="\n", flush=True
        )
        failed += bool(errors)
    print(f"all of it lies in {place}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
