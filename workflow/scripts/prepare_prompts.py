"""Bind rule prepare_prompts to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.prompts.prepare import prepare_prompts

with logged(snakemake.log[0]):
    prepare_prompts(
        Path(snakemake.input[0]),
        split=snakemake.wildcards.split,
        limit=snakemake.params.limit,
        output=Path(snakemake.output[0]),
    )
