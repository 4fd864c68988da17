"""Bind rule scan_layers to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.scan.measure import measure_scan

with logged(snakemake.log[0]):
    measure_scan(
        snakemake.output[0],
        folder=Path(snakemake.input.model).parent,
        activations=snakemake.input.activations,
        prompts={split: snakemake.input[split] for split in ("harm_train", "benign")},
        settings=snakemake.params.settings,
        own=dict(zip(snakemake.params.own_layers, snakemake.input.own, strict=True)),
    )
