"""Bind rule prepare_prompts to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.prompts.parting import part_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import write_prompts
from steering_reliability.prompts.subset import spread_subset

with logged(snakemake.log[0]):
    prompts = read_prompts(Path(snakemake.input[0]), split=snakemake.wildcards.split)
    study = part_prompts(prompts, **snakemake.params.parting).study
    write_prompts(spread_subset(study, limit=snakemake.params.limit), path=Path(snakemake.output[0]))
