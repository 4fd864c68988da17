"""Compare finished runs, without Snakemake: compare_runs.py --runs_dir DIR --out_dir DIR."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from steering_reliability.errors import InputError
from steering_reliability.evidence.run_comparison import Run, compare_runs, setting_differences, setting_of
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise
from steering_reliability.figures.comparison import draw_comparison
from steering_reliability.figures.style import figure_style, save_figure
from steering_reliability.report.comparison_page import write_comparison_page
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import write_table
from steering_reliability.run.record import find_runs, model_of


def read_run(folder: Path) -> Run:
    """Summarise a finished run.

    Raises:
        InputError: When its results are damaged, or its provenance does not say how many blocks the model has.
    """
    model = model_of(folder)
    if "n_layers" not in model:
        raise InputError(
            "the run does not say how many blocks its model has",
            where=str(folder / "provenance.json"),
            fix="run it again: only provenance.json is made anew",
        )
    summary = summarise(read_results(folder / "results.parquet", columns=SUMMARY_INPUTS))
    return Run(model=str(model["name"]), n_layers=int(model["n_layers"]), summary=summary, setting=setting_of(folder))


def figures_of(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield name, intervention and axis of each figure; runs that did not measure the KL have none by KL."""
    for intervention in sorted(table["intervention"].unique()):
        yield f"compare_{intervention}", intervention, "relative_strength"
        if table.loc[table["intervention"] == intervention, "first_token_kl_harm_test"].notna().any():
            yield f"compare_{intervention}_by_kl", intervention, "first_token_kl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write compare.csv, a page and two figures per intervention, and say where they are.

    Args:
        arguments: The command line, by default the process's own.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description="Compare every finished run below a folder, across models.")
    parser.add_argument("--runs_dir", type=Path, default=Path("results"), help="folder with runs, at any depth")
    parser.add_argument("--out_dir", type=Path, default=Path("reports/compare"), help="receives table and figures")
    options = parser.parse_args(arguments)
    try:
        runs = {name: read_run(folder) for name, folder in find_runs(options.runs_dir).items()}
        table = compare_runs(runs)
        differences = list(setting_differences({name: run.setting for name, run in runs.items()}))
        write_table(table, options.out_dir / "compare.csv")
        print(f"{table['run'].nunique()} runs, {len(table)} points: {options.out_dir / 'compare.csv'}")
        for line in differences:
            print(f"the runs were not asked the same: {line}")
        write_comparison_page(table, differences=differences, output=options.out_dir / "index.html")
        print(f"page: {options.out_dir / 'index.html'}")
        for name, intervention, axis in figures_of(table):
            with figure_style():
                figure = draw_comparison(table, intervention=intervention, axis=axis)
                written = save_figure(figure, output_dir=options.out_dir, name=name)
            print(f"{intervention}: {written[0]}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
