"""Bind rule aggregate to the package."""

from pathlib import Path

from steering_reliability.analysis.aggregate import aggregate
from steering_reliability.analysis.condition import with_coefficient
from steering_reliability.binding import logged
from steering_reliability.conditions import SPLITS

with logged(snakemake.log[0]):
    unit = snakemake.params.alpha_unit
    aggregate(
        [with_coefficient(condition, alpha_unit=unit) for condition in snakemake.params.conditions],
        baseline=snakemake.params.baseline,
        prompts={split: snakemake.input[split] for split in SPLITS},
        output=Path(snakemake.output.results),
        baseline_log_dir=Path(snakemake.output.log[0]).parent,
        max_new_tokens=snakemake.params.max_new_tokens,
        built_from=snakemake.params.built_from,
    )
