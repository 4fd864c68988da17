"""Bind rule write_report to the package."""

import json
from pathlib import Path

from steering_reliability.analysis.page.completions import PAGE_COLUMNS
from steering_reliability.analysis.report import RunTables, write_report
from steering_reliability.analysis.run_times import run_times
from steering_reliability.analysis.schema import read_results
from steering_reliability.analysis.tables import read_table
from steering_reliability.binding import logged

with logged(snakemake.log[0]):
    write_report(
        read_results(Path(snakemake.input.results), columns=PAGE_COLUMNS),
        tables=RunTables(
            summary=read_table(Path(snakemake.input.summary)),
            sanity=read_table(Path(snakemake.input.sanity)),
            claims=read_table(Path(snakemake.input.claims)),
            prompt_steerability=read_table(Path(snakemake.input.prompt_steerability)),
            shift=read_table(Path(snakemake.input.shift)),
        ),
        figures_dir=Path(snakemake.params.figures),
        output=Path(snakemake.output[0]),
        title=snakemake.params.title,
        stages=snakemake.params.stages,
        times=run_times(snakemake.params.timed),
        provenance=json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8")),
        downloads=[Path(snakemake.input[name]) for name in ("summary", "claims", "sanity", "provenance")],
    )
