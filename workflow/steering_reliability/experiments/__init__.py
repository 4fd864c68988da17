"""The plan's commands: each asks Snakemake for targets, so that nothing is computed twice."""
