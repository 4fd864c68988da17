"""Bind rule draw_figures to the package."""

from pathlib import Path

from steering_reliability.analysis.plots import draw_all
from steering_reliability.analysis.summary import read_table
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    summary = read_table(Path(snakemake.input.summary))
    draw_all(summary, output_dir=Path(snakemake.output[0]).parent, title=snakemake.params.title)
