"""Bind rule measure_activations to the package."""

from pathlib import Path

from steering_reliability.directions.activations import measure_activations
from steering_reliability.process.job_log import logged

with logged(snakemake.log[0]):
    measure_activations(
        snakemake.output[0],
        folder=Path(snakemake.input.model).parent,
        harm_train=snakemake.input.harm_train,
        extra=snakemake.input.extra,
        settings=snakemake.params.settings,
    )
