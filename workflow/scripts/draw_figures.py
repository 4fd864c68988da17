"""Bind rule draw_figures to the package."""

from pathlib import Path

from steering_reliability.figures.draw import EVIDENCE_TABLES, draw_all
from steering_reliability.process.job_log import logged
from steering_reliability.results.tables import read_table

with logged(snakemake.log[0]):
    draw_all(
        read_table(Path(snakemake.input.summary)),
        output_dir=Path(snakemake.output[0]).parent,
        title=snakemake.params.title,
        widths=snakemake.params.widths,
        evidence={name: read_table(Path(snakemake.input[name])) for name in EVIDENCE_TABLES},
    )
