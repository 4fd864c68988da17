"""Bind rule complete_baseline to the package."""

from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.worker.write_shard import worker_identity, write_shard

with logged(snakemake.log[0]):
    write_shard(
        snakemake.output[0],
        prompts=snakemake.input.prompts,
        split=snakemake.wildcards.split,
        seed=int(snakemake.wildcards.seed),
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
        limit=snakemake.params.limit,
    )
