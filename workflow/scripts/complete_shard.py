"""Bind rules complete_baseline and complete_shard to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.worker.write_shard import ShardCondition, worker_identity, write_shard

with logged(snakemake.log[0]):
    cell, direction = snakemake.wildcards, snakemake.input.get("direction")
    steering = (cell.direction, cell.intervention, int(cell.layer), float(cell.alpha)) if direction else ()
    write_shard(
        snakemake.output[0],
        prompts=snakemake.input.prompts,
        split=cell.split,
        condition=ShardCondition(int(cell.seed), *steering),
        settings=snakemake.params.settings,
        worker=worker_identity(
            snakemake.input.model,
            snakemake.params.numbers,
            rows=snakemake.resources.rows,
            memory_mb=snakemake.resources.worker_mb,
            workers=snakemake.resources.workers,
            code=snakemake.params.engine,
        ),
        worker_log=Path(snakemake.log[0].split("/logs/")[0]) / "logs" / "worker.log",
        direction_file=direction,
        limit=snakemake.params.limit,
    )
