"""Bind rule aggregate to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.results.aggregate import aggregate
from steering_reliability.results.condition import aggregation_inputs

with logged(snakemake.log[0]):
    aggregate(
        **aggregation_inputs(snakemake.params, snakemake.input, output=snakemake.output.results),
        output=Path(snakemake.output.results),
        baseline_log_dir=Path(snakemake.output.log[0]).parent,
    )
