"""Bind rule aggregate to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.results.aggregate import aggregate
from steering_reliability.results.condition import inputs_of

with logged(snakemake.log[0]):
    aggregate(
        **inputs_of(snakemake.params, snakemake.input, made=snakemake.output.results),
        output=Path(snakemake.output.results),
        baseline_log_dir=Path(snakemake.output.log[0]).parent,
    )
