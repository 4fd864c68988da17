"""Draw the figures of every finished run, without Snakemake: make_plots.py --runs_dir DIR --out_dir DIR."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.errors import InputError
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise
from steering_reliability.figures.draw import draw_all
from steering_reliability.results.schema import read_results
from steering_reliability.run.record import find_runs, model_of


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
            written = draw_all(summary, output_dir=options.out_dir / name, title=model_of(folder).get("name") or name)
            print(f"{name}: {len(written)} files in {options.out_dir / name}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
