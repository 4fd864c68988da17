"""Bind rule summarise to the package."""

from pathlib import Path

from steering_reliability.analysis.pareto import pareto_table
from steering_reliability.analysis.schema import read_results
from steering_reliability.analysis.summary import SUMMARY_INPUTS, summarise
from steering_reliability.analysis.tables import write_table
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    summary = summarise(read_results(Path(snakemake.input[0]), columns=SUMMARY_INPUTS))
    write_table(summary, Path(snakemake.output.summary))
    write_table(pareto_table(summary), Path(snakemake.output.pareto))
