"""Bind rule weigh_evidence to the package."""

from pathlib import Path

from steering_reliability.analysis.evidence import weigh_evidence
from steering_reliability.analysis.schema import read_results
from steering_reliability.analysis.tables import read_table, write_table
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    tables = weigh_evidence(
        read_results(Path(snakemake.input.results)),
        summary=read_table(Path(snakemake.input.summary)),
        sanity=read_table(Path(snakemake.input.sanity)),
        seed=snakemake.params.seed,
        labels=Path(snakemake.input.labels[0]) if snakemake.input.labels else None,
    )
    for name, path in snakemake.output.items():
        write_table(tables[name], Path(path))
