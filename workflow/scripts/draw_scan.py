"""Bind rule draw_scan to the package."""

from pathlib import Path

from steering_reliability.figures.scan import draw_scan
from steering_reliability.figures.style import figure_style, save_figure
from steering_reliability.process.job_log import logged
from steering_reliability.scan.chosen import read_chosen
from steering_reliability.scan.table import read_scan

with logged(snakemake.log[0]), figure_style(snakemake.params.widths):
    figure = draw_scan(
        read_scan(snakemake.input.scan),
        chosen=read_chosen(snakemake.input.chosen),
        target_kl=snakemake.params.target_kl,
        title=snakemake.params.title,
    )
    save_figure(figure, output_dir=Path(snakemake.output[0]).parent, name="scan")
