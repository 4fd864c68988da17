"""Writes the report page of made-up results."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from steering_reliability.claims.claim import CLAIMS_COLUMNS
from steering_reliability.evidence.by_group import BY_GROUP_COLUMNS
from steering_reliability.evidence.methods import METHODS_COLUMNS
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.report.page import RunTables, write_report
from synthetic_run import measured_shift

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian's package chromium)")


def write_page(folder: Path, results: pd.DataFrame, summary: pd.DataFrame, *, tables=None, **settings) -> Path:
    """Write the page of some results without claims and checks, but for the given tables."""
    empty = pd.DataFrame(columns=[*CLAIMS_COLUMNS, "statistic"])
    shown = {"sanity": empty, "claims": empty, "shift": measured_shift()} | (tables or {})
    shown.setdefault("by_group", pd.DataFrame(columns=BY_GROUP_COLUMNS))
    shown.setdefault("methods", pd.DataFrame(columns=METHODS_COLUMNS))
    if "prompt_steerability" not in shown:
        shown["prompt_steerability"] = prompt_steerability(results)
    output = folder / "index.html"
    settings = {"title": "a run"} | settings
    write_report(results, tables=RunTables(summary=summary, **shown), figures_dir=folder, output=output, **settings)
    return output
