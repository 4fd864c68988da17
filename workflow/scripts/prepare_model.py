"""Bind rule prepare_model to the package."""

from pathlib import Path

from steering_reliability.binding import logged
from steering_reliability.config import ModelConfig
from steering_reliability.model_preparation import prepare_model

with logged(snakemake.log[0]) as say:
    prepare_model(ModelConfig(**snakemake.params.model), folder=Path(snakemake.output[0]).parent, say=say)
