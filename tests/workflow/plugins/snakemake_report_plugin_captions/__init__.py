"""A Snakemake report plugin that prints the captions of a report; the HTML one asks the network for its scripts."""

import json

from snakemake_interface_report_plugins.reporter import ReporterBase
from snakemake_interface_report_plugins.settings import ReportSettingsBase


class ReportSettings(ReportSettingsBase):
    """None."""


class Reporter(ReporterBase):
    """Print `CAPTIONS` and a JSON object of path to rendered caption."""

    def render(self) -> None:
        """Print them."""
        records = [record for parts in self.results.values() for part in parts.values() for record in part]
        print("CAPTIONS", json.dumps({str(record.path): record.caption for record in records}))
