"""Bind rules complete_baseline and complete_shard to the package."""

from pathlib import Path

from steering_reliability.generation.requests import SteeringRequest
from steering_reliability.process.job_log import logged
from steering_reliability.worker.write_shard import worker_identity, write_shard

with logged(snakemake.log[0]):
    cell, settings = snakemake.wildcards, dict(snakemake.params.settings)
    # An ablation's alpha is a share, which has no unit.
    alpha_unit = settings.pop("alpha_unit", "")
    direction = steering = None
    if files := snakemake.input.get("directions"):
        direction = cell.direction
        sources = snakemake.params.sources
        by_block = dict(zip(sorted(set(sources)), (str(Path(file).resolve()) for file in files), strict=True))
        steering = SteeringRequest(
            intervention=cell.intervention,
            layer=cell.layer,
            alpha=float(cell.alpha),
            blocks=tuple(snakemake.params.blocks),
            alpha_unit=alpha_unit,
            direction_files=tuple(by_block[block] for block in sources),
        )
    write_shard(
        snakemake.output[0],
        prompts=snakemake.input.prompts,
        split=cell.split,
        seed=int(cell.seed),
        settings=settings,
        worker=worker_identity(
            snakemake.input.model,
            snakemake.params.numbers,
            resources=dict(snakemake.resources.items()),
            code=snakemake.params.engine,
        ),
        worker_log=Path(snakemake.log[0].split("/logs/")[0]) / "logs" / "worker.log",
        direction=direction,
        steering=steering,
        limit=snakemake.params.limit,
    )
