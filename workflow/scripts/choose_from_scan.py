"""Bind checkpoint choose_from_scan to the package."""

from steering_reliability.process.job_log import logged
from steering_reliability.scan.choose import choose
from steering_reliability.scan.chosen import write_chosen
from steering_reliability.scan.table import read_scan

with logged(snakemake.log[0]):
    chosen = choose(
        read_scan(snakemake.input[0]),
        layers=snakemake.params.layers,
        alphas=snakemake.params.alphas,
        target_kl=snakemake.params.target_kl,
    )
    write_chosen(snakemake.output[0], chosen, scan=snakemake.params.scan)
    print("\n".join(chosen.notes), flush=True)
