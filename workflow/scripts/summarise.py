"""Bind rule summarise to the package."""

from pathlib import Path

from steering_reliability.evidence.cluster_counts import count_clusters, with_outcomes
from steering_reliability.evidence.pareto import pareto_table
from steering_reliability.evidence.summary import SUMMARY_INPUTS, summarise_pairs
from steering_reliability.process.job_log import logged
from steering_reliability.results.schema import read_results
from steering_reliability.results.tables import write_table

with logged(snakemake.log[0]):
    rows = with_outcomes(read_results(Path(snakemake.input[0]), columns=SUMMARY_INPUTS))
    summary = summarise_pairs(rows)
    write_table(summary, Path(snakemake.output.summary))
    prompts = count_clusters(rows[rows["role"] == "main"], unit="id")
    write_table(pareto_table(summary, prompts=prompts, seed=snakemake.params.seed), Path(snakemake.output.pareto))
