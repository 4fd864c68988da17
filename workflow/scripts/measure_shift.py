"""Bind rule measure_shift to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.prompts.check import check_disjoint, check_shift
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.prompts.shift import measure_shift
from steering_reliability.results.tables import write_table

with logged(snakemake.log[0]):
    prompts = {split: read_prompts(Path(snakemake.input[split]), split=split) for split in SPLITS}
    check_disjoint(prompts)
    notes = check_shift(prompts["harm_train"], prompts["harm_test"])
    Path(snakemake.log[0]).write_text("".join(f"{note}\n" for note in notes), encoding="utf-8")
    write_table(measure_shift(prompts, seed=0), Path(snakemake.output[0]))
