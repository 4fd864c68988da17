"""Bind rule make_evidence_tables to the package."""

from pathlib import Path

from steering_reliability.claims.evidence_tables import make_evidence_tables
from steering_reliability.process.job_log import logged
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import read_table, write_table

with logged(snakemake.log[0]):
    tables = make_evidence_tables(
        read_results(Path(snakemake.input.results)),
        summary=read_table(Path(snakemake.input.summary)),
        sanity=read_table(Path(snakemake.input.sanity)),
        seed=snakemake.params.seed,
        labels=Path(snakemake.input.labels[0]) if snakemake.input.labels else None,
    )
    for name, path in snakemake.output.items():
        write_table(tables[name], Path(path))
