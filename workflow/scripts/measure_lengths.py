"""Bind rule measure_lengths to the package."""

import json
from pathlib import Path

from steering_reliability.files import write_text
from steering_reliability.model.loading import load_tokenizer, read_context
from steering_reliability.model.prompt_lengths import measure_lengths
from steering_reliability.process.job_log import logged
from steering_reliability.prompts.reading import read_prompts

with logged(snakemake.log[0]):
    folder, split = Path(snakemake.input.model).parent, snakemake.wildcards.split
    lengths = measure_lengths(
        read_prompts(Path(snakemake.input.prompts), split=split),
        tokenizer=load_tokenizer(folder),
        context=read_context(folder),
        **snakemake.params.settings,
    )
    write_text(Path(snakemake.output[0]), json.dumps(lengths, indent=2) + "\n")
