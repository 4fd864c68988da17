"""How far a run is, and what its scan chose."""

import pytest
from steering_reliability.commands.status import as_lines, status_of
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.run.plan import plan_run
from steering_reliability.scan.chosen import Chosen, write_chosen


@pytest.fixture
def plan(config, monkeypatch, tmp_path):
    """A run whose layers and strengths are left to the scan."""
    monkeypatch.chdir(WORKFLOW)
    raw = read_config(config)
    experiment = {"layers": "auto", "alphas": {"add": "auto"}, "alpha_unit": "resid_norm"}
    return plan_run(raw | {"experiment": raw["experiment"] | experiment | {"output_dir": str(tmp_path / "run")}})


def test_the_choice_of_the_scan_is_told_once_it_is_made(plan):
    before = status_of(plan)
    assert "chosen" not in before["scan"]
    # Two prompt files, the table, the choice, and the figure three times.
    assert before["scan"]["of"] == 7
    assert not [line for line in as_lines(before) if "chosen" in line]
    chosen = Chosen(layers=(0, 2), alphas={"add": (0.25, 1.5)}, notes=("Why.",))
    write_chosen(plan.chosen_file, chosen, scan=plan.reservation())
    after = status_of(plan)
    assert after["scan"]["chosen"] == {"layers": (0, 2), "alphas": {"add": (0.25, 1.5)}}
    lines = [line.strip() for line in as_lines(after)]
    assert lines[lines.index("chosen layers: 0, 2") + 1] == "strengths of add: 0.25, 1.5"
    # The completions are those of two layers and two strengths now.
    assert after["completions"]["of"] != before["completions"]["of"]


def test_a_run_without_a_scan_has_no_stage_of_it(config, monkeypatch):
    monkeypatch.chdir(WORKFLOW)
    found = status_of(plan_run(read_config(config)))
    assert "scan" not in found
