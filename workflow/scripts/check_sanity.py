"""Bind rule check_sanity to the package."""

from pathlib import Path

from steering_reliability.directions.build_direction import cosines_with_main
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.process.job_log import logged
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import read_table, write_table

with logged(snakemake.log[0]):
    checks = sanity_checks(
        read_results(Path(snakemake.input.results)),
        summary=read_table(Path(snakemake.input.summary)),
        cosines=cosines_with_main(snakemake.input.directions, compared=snakemake.params.compared),
    )
    write_table(checks, Path(snakemake.output[0]))
