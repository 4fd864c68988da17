"""Bind rule prepare_scan_prompts to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.prompts.parting import part_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import write_prompts

with logged(snakemake.log[0]):
    prompts = read_prompts(Path(snakemake.input[0]), split=snakemake.wildcards.split)
    write_prompts(part_prompts(prompts, **snakemake.params.parting).scan, path=Path(snakemake.output[0]))
