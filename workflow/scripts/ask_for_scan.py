"""Bind rule scan_layers to the package, where a worker holds the model."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.scan.ask import ask_for_scan
from steering_reliability.worker.write_shard import worker_identity

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    ask_for_scan(
        snakemake.output[0],
        folder=Path(snakemake.input.model).parent,
        activations=snakemake.input.activations,
        prompts={split: snakemake.input[split] for split in ("harm_train", "benign")},
        settings=settings,
        own=dict(zip(snakemake.params.own_layers, snakemake.input.own, strict=True)),
        worker=worker_identity(
            snakemake.input.model, settings, resources=dict(snakemake.resources.items()), code=snakemake.params.engine
        ),
        worker_log=Path(snakemake.log[0].split("/logs/")[0]) / "logs" / "worker.log",
    )
