"""Bind rule prepare_model to the package."""

from pathlib import Path

from steering_reliability.config.schema import ModelConfig
from steering_reliability.model.preparation import prepare_model
from steering_reliability.process.job_log import logged

with logged(snakemake.log[0]) as say:
    prepare_model(ModelConfig(**snakemake.params.model), folder=Path(snakemake.output[0]).parent, say=say)
