"""Draw the figures of every finished run, without Snakemake: make_plots.py --runs_dir DIR --out_dir DIR."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.analysis.plots import draw_all
from steering_reliability.analysis.schema import read_results
from steering_reliability.analysis.summary import SUMMARY_INPUTS, summarise
from steering_reliability.errors import InputError


def find_runs(runs_dir: Path) -> dict[str, Path]:
    """Find every finished run, that is, every folder with a results.parquet at any depth.

    Args:
        runs_dir: Where to look.

    Returns:
        Name to folder: the folder's own name, or its path below `runs_dir` joined by dashes where two share one.

    Raises:
        InputError: The folder is missing or holds no finished run.
    """
    fix = "name a folder that holds runs, such as results, or run the workflow's target 'results' first"
    if not runs_dir.is_dir():
        raise InputError("there is no such folder", where=str(runs_dir), fix=fix)
    folders = sorted(path.parent for path in runs_dir.rglob("results.parquet"))
    if not folders:
        raise InputError("no finished run in this folder", where=str(runs_dir), fix=fix)
    times = Counter(folder.resolve().name for folder in folders)
    return {_name(folder, runs_dir, is_unique=times[folder.resolve().name] == 1): folder for folder in folders}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures and say where they are.

    Args:
        arguments: The command line, by default the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description="Draw the figures of every finished run below a folder.")
    parser.add_argument("--runs_dir", type=Path, required=True, help="folder with runs, at any depth")
    parser.add_argument("--out_dir", type=Path, required=True, help="figures go to a folder per run in here")
    options = parser.parse_args(arguments)
    try:
        for name, folder in find_runs(options.runs_dir).items():
            summary = summarise(read_results(folder / "results.parquet", columns=SUMMARY_INPUTS))
            written = draw_all(summary, output_dir=options.out_dir / name, title=_title(folder) or name)
            print(f"{name}: {len(written)} files in {options.out_dir / name}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _name(folder: Path, runs_dir: Path, *, is_unique: bool) -> str:
    return folder.resolve().name if is_unique else "-".join(folder.relative_to(runs_dir).parts) or "run"


def _title(folder: Path) -> str | None:
    """Return the model's name from provenance.json, where there is one."""
    try:
        name = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["model"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


if __name__ == "__main__":
    sys.exit(main())
