"""Bind rule aggregate to the package."""

from pathlib import Path

from steering_reliability.analysis.aggregate import aggregate
from steering_reliability.analysis.condition import inputs_of
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    aggregate(
        **inputs_of(snakemake.params, snakemake.input, made=snakemake.output.results),
        output=Path(snakemake.output.results),
        baseline_log_dir=Path(snakemake.output.log[0]).parent,
    )
