"""Bind rule measure_activations to the package, where a worker holds the model."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.worker.read_activations import read_activations_there
from steering_reliability.worker.write_shard import worker_identity

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    read_activations_there(
        snakemake.output[0],
        folder=Path(snakemake.input.model).parent,
        harm_train=snakemake.input.harm_train,
        extra=snakemake.input.extra,
        settings=settings,
        worker=worker_identity(
            snakemake.input.model, settings, resources=dict(snakemake.resources.items()), code=snakemake.params.engine
        ),
        worker_log=Path(snakemake.log[0].split("/logs/")[0]) / "logs" / "worker.log",
    )
