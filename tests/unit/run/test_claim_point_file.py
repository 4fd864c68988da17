"""The table of claim points as the plan of a run reads it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from steering_reliability.evidence.claim_points import CLAIM_POINT_COLUMNS
from steering_reliability.results.tables import write_table
from steering_reliability.run.claim_point_file import points_of_file

WORKFLOW = Path(__file__).parents[3] / "workflow"


def write(path, *points):
    """Write a table of (purpose, intervention, layer, alpha) as the rule does."""
    names = ("purpose", "intervention", "layer", "alpha")
    rows = [dict(zip(names, point, strict=True)) | {"role": "main", "direction": "v", "seed": 0} for point in points]
    write_table(pd.DataFrame(rows, columns=CLAIM_POINT_COLUMNS), path)
    return path


@pytest.mark.parametrize("alpha", [0.2, -0.45, 1.0, 1e-05])
def test_a_written_table_is_read_as_it_was(tmp_path, alpha):
    points = [("recommended", "add", 14, alpha), ("most significant", "ablate", 3, 0.5)]
    assert points_of_file(write(tmp_path / "claim_points.csv", *points)) == points


def test_a_table_that_is_empty_or_not_there_holds_none(tmp_path):
    assert points_of_file(write(tmp_path / "claim_points.csv")) == []
    assert points_of_file(tmp_path / "absent.csv") == []


def test_reading_it_imports_no_pandas():
    code = "import sys, steering_reliability.run.claim_point_file; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(WORKFLOW)}, check=False).returncode == 0
