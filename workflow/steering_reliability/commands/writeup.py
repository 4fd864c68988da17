"""Write the folder that a paper is written from."""

import json
from collections.abc import Iterator
from pathlib import Path

from steering_reliability.errors import InputError
from steering_reliability.report.methods_paragraph import Methods
from steering_reliability.report.writeup import write_writeup
from steering_reliability.results.tables import read_table
from steering_reliability.run.plan import RunPlan


def writeup_lines(plan: RunPlan) -> Iterator[str]:
    """Write `{report}/writeup` of a finished run and name its files.

    Raises:
        InputError: When the run is not finished.
    """
    run = Path(plan.folder)
    tables = run / "tables"
    if not (tables / "claims.csv").is_file() or not (run / "provenance.json").is_file():
        raise InputError("the run is not finished", where=plan.folder, fix="run it first: steering-reliability run")
    provenance = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    methods = Methods(provenance, read_table(tables / "summary.csv"))
    output = Path(plan.report_folder) / "writeup"
    claims, widths = read_table(tables / "claims.csv"), plan.config.report.figure_width
    yield from map(str, write_writeup(run, claims=claims, methods=methods, widths=widths, output=output))
