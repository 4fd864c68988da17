"""Bind rule write_examples to the package."""

from pathlib import Path

from steering_reliability.analysis.examples import write_examples
from steering_reliability.analysis.schema import read_results
from steering_reliability.analysis.tables import read_table
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    write_examples(
        read_results(Path(snakemake.input.results)),
        summary=read_table(Path(snakemake.input.summary)),
        output=Path(snakemake.output[0]),
        title=snakemake.params.title,
    )
