"""Bind rule write_examples to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.report.examples import write_examples
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import read_table

with logged(snakemake.log[0]):
    write_examples(
        read_results(Path(snakemake.input.results)),
        summary=read_table(Path(snakemake.input.summary)),
        output=Path(snakemake.output[0]),
        title=snakemake.params.title,
    )
