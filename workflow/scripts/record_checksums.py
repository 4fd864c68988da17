"""Bind rule record_checksums to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.run.checksums import write_checksums

with logged(snakemake.log[0]):
    # Without a shared disk the files that the rule names lie below a folder of the job's own.
    place = snakemake.output[0].removesuffix(snakemake.params.name)
    write_checksums([str(path) for path in snakemake.input], output=Path(snakemake.output[0]), below=place)
