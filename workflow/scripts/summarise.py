"""Bind rule summarise to the package."""

from pathlib import Path

from steering_reliability.evidence.pareto import pareto_table
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise
from steering_reliability.process.job_log import logged
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import write_table

with logged(snakemake.log[0]):
    summary = summarise(read_results(Path(snakemake.input[0]), columns=SUMMARY_INPUTS))
    write_table(summary, Path(snakemake.output.summary))
    write_table(pareto_table(summary), Path(snakemake.output.pareto))
