"""Bind rule aggregate to the package."""

from pathlib import Path

from steering_reliability.analysis.aggregate import aggregate
from steering_reliability.analysis.condition import placed, placed_shards, with_coefficient
from steering_reliability.binding import logged
from steering_reliability.conditions import SPLITS
from steering_reliability.metrics.scorer import load_scorer

with logged(snakemake.log[0]):
    unit = snakemake.params.alpha_unit
    # Without a shared disk the files that the rule names lie below a folder of the job's own.
    place = snakemake.output.results.removesuffix(snakemake.params.results)
    conditions = [placed(condition, below=place) for condition in snakemake.params.conditions]
    aggregate(
        [with_coefficient(condition, alpha_unit=unit) for condition in conditions],
        baseline={seed: placed_shards(shards, below=place) for seed, shards in snakemake.params.baseline.items()},
        prompts={split: snakemake.input[split] for split in SPLITS},
        output=Path(snakemake.output.results),
        baseline_log_dir=Path(snakemake.output.log[0]).parent,
        max_new_tokens=snakemake.params.max_new_tokens,
        built_from=snakemake.params.built_from,
        scorer=load_scorer(snakemake.params.scorer) if snakemake.params.scorer else None,
    )
