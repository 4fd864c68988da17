"""Bind rule tune_refusal to the package."""

from pathlib import Path

from steering_reliability.config.schema import RefusalTuningConfig
from steering_reliability.process.job_log import logged
from steering_reliability.tuning.tune_refusal import tune_refusal

with logged(snakemake.log[0]):
    tune_refusal(
        Path(snakemake.input[0]).parent,
        folder=Path(snakemake.output[0]).parent,
        templates=snakemake.params.templates,
        settings=RefusalTuningConfig(**snakemake.params.tuning),
    )
