"""The plan's commands: what each asks Snakemake for, and what a user reads when it can't."""

import re
import subprocess
import sys

import pytest
import yaml
from steering_reliability.commands import build_direction
from steering_reliability.config.files import RULE, WORKFLOW, read_config
from steering_reliability.experiments import run_baseline, run_sweep
from steering_reliability.run.plan import plan_run

BASELINE = [sys.executable, "-m", "steering_reliability.experiments.run_baseline"]
SWEEP = [sys.executable, "-m", "steering_reliability.experiments.run_sweep"]
DIRECTION = [sys.executable, "-m", "steering_reliability.directions.build_direction"]
ALL = [sys.executable, str(WORKFLOW / "scripts" / "run_all.py")]


@pytest.fixture
def plan(config, monkeypatch):
    monkeypatch.chdir(WORKFLOW)
    return plan_run(read_config(config))


def call(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, cwd=WORKFLOW, check=False)


def test_several_configs_are_laid_over_each_other_and_over_the_default(tiny_folder, tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    model = {"name": "tiny", "source": str(tiny_folder), "device": "cpu"}
    experiment = {"layers": [0, 1], "output_dir": str(tmp_path / "run")}
    first.write_text(yaml.safe_dump({"model": model, "experiment": experiment}), encoding="utf-8")
    pinned = "experiment: {layers: [2], alphas: {add: [0.1, 0.2, 0.4]}}\nsanity_checks: {enabled: false}\n"
    second.write_text(pinned, encoding="utf-8")
    done = call([*SWEEP, "-c", str(first), "--config", str(second), "--dry-run", "--cores", "1"])
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    # Layer 2 alone, with three strengths of config.yaml's one intervention, three splits each.
    assert re.search(r"complete_shard +9\b", said)
    assert "layer 0" not in said
    planned = {line.split()[0] for line in said.splitlines() if line.strip()}
    assert {"complete_baseline", "make_evidence_tables"} <= planned
    assert "draw_figures" not in planned


def test_each_command_asks_for_its_own_targets(plan, tmp_path):
    assert run_baseline.request(plan).targets == ["baseline"]
    assert len(run_baseline.request(plan).made) == 3
    assert run_sweep.request(plan).targets == ["results"]
    expected = str(tmp_path / "run/directions/contrastive_prefix/layer_1.pt")
    assert build_direction.request(plan, layer=1).targets == [expected]
    assert build_direction.request(plan, layer=-2).targets == [expected]


@pytest.mark.parametrize("command", [BASELINE, DIRECTION, ALL])
def test_help_names_every_flag(command):
    done = call([*command, "--help"])
    assert done.returncode == 0
    assert all(flag in done.stdout for flag in ("--config", "--cores", "--dry-run", "--profile"))
    assert RULE.replace(" ", "") in "".join(done.stdout.split())
