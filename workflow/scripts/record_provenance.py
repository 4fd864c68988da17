"""Bind rule record_provenance to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.run.record import write_provenance

with logged(snakemake.log[0]):
    write_provenance(
        snakemake.output[0],
        config=snakemake.params.config,
        model_folder=Path(snakemake.input.model).parent,
        logs=[Path(log) for log in snakemake.params.logs],
        chosen=Path(snakemake.input.grid[0]) if snakemake.input.grid else None,
    )
