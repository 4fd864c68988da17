"""Bind rule write_report to the package."""

import json
from dataclasses import fields
from pathlib import Path

from steering_reliability.process.job_log import logged
from steering_reliability.report.completions import PAGE_COLUMNS
from steering_reliability.report.page import RunTables, write_report
from steering_reliability.results.schema import read_results
from steering_reliability.results.strength_notes import notes_of
from steering_reliability.results.tables import read_table
from steering_reliability.run.times import run_times
from steering_reliability.scan.chosen import read_chosen

with logged(snakemake.log[0]):
    tables = {one.name: read_table(Path(snakemake.input[one.name])) for one in fields(RunTables)}
    write_report(
        read_results(Path(snakemake.input.results), columns=PAGE_COLUMNS),
        tables=RunTables(**tables),
        strength_notes=notes_of(
            [Path(path) for path in snakemake.input.statistics], tables["summary"], unit=snakemake.params.alpha_unit
        ),
        scan_notes=[note for path in snakemake.input.grid for note in read_chosen(path).notes],
        figures_dir=Path(snakemake.params.figures),
        output=Path(snakemake.output[0]),
        title=snakemake.params.title,
        stages=snakemake.params.stages,
        times=run_times(snakemake.params.timed),
        provenance=json.loads(Path(snakemake.input.provenance).read_text(encoding="utf-8")),
        downloads=[Path(snakemake.input[name]) for name in ("summary", "claims", "sanity", "provenance")],
    )
