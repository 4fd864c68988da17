"""The command as a user calls it: what it prints, as data too, and how it refuses."""

import json
import struct
import subprocess
import sys
import time

import pytest
import yaml
from steering_reliability.commands.app import app
from steering_reliability.config.files import RULE, WORKFLOW, read_config
from steering_reliability.config.reading import load_config
from steering_reliability.run.record import record_config
from typer.testing import CliRunner

CALL = CliRunner()


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(WORKFLOW)


def call(*arguments, code=0):
    done = CALL.invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def test_doctor_says_what_a_run_costs_before_it_starts(config):
    found = json.loads(call("doctor", "--config", config, "--seconds", 0, "--json").stdout)
    assert found["plan"] | {"run": ""} == {
        **{"run": "", "layers": ["0", "2"], "conditions": 2, "shards": 9, "shards_done": 0},
        **{"completions_left": 9 * 5, "tokens_left": 9 * 5 * 4, "left_to_the_scan": [], "scan_tokens": 0},
    }
    assert found["estimate"]["watched_seconds"] == 0


def test_doctor_measures_the_model_and_ends_when_it_knows_enough(config):
    found = json.loads(call("doctor", "--config", config, "--seconds", 90, "--json").stdout)
    assert found["estimate"]["tokens_per_second"] > 0
    assert found["machine"]["cpu_capability"]
    assert found["estimate"]["guessed"] == ""
    assert found["estimate"]["watched_seconds"] < 20


def test_doctor_speaks_at_once_and_keeps_to_its_bound(config):
    start = time.monotonic()
    command = [sys.executable, "-m", "steering_reliability", "doctor", "-c", str(config), "--seconds", "0.2"]
    with subprocess.Popen(command, cwd=WORKFLOW, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        spoke = time.monotonic() - start
        rest = process.stdout.read()
    took = time.monotonic() - start
    assert first.startswith("study     ")
    assert "assumed from the slowest tested machine: nothing was generated within 0.2 s" in rest
    assert "torch" not in first
    assert "harm_test shares no style or template" in rest
    # The time that Python itself needs here, with its imports, is the measure of what "at once" can be.
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import typer, pydantic, yaml"], check=True)
    alone = time.monotonic() - start
    assert spoke < 3 * alone + 1
    assert took < spoke + 10 * alone + 5


def test_doctor_says_before_it_makes_a_model_and_shows_why_it_can_not(tmp_path, config):
    (tmp_path / "bad.gguf").write_bytes(header_alone())
    changed = yaml.safe_load(config.read_text())
    changed["model"] = {"name": f"bad {tmp_path.name}", "source": str(tmp_path / "bad.gguf")}
    config.write_text(yaml.safe_dump(changed))
    done = call("doctor", "-c", config, "--seconds", 1, code=1)
    assert "preparing bad" in done.stdout
    assert "speed" not in done.stdout
    assert done.stderr.count("to do:") == 1
    assert "Traceback" not in done.output


def header_alone():
    """A GGUF file that says how many blocks there are, and nothing more."""
    key = b"llama.block_count"
    return struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, len(key)) + key + struct.pack("<II", 4, 3)


def test_a_config_that_is_no_whole_study_is_laid_over_the_default_by_every_command(tmp_path, tiny_folder):
    path, second = tmp_path / "own.yaml", tmp_path / "two.yaml"
    model = {"name": "tiny", "source": str(tiny_folder)}
    path.write_text(yaml.safe_dump({"model": model, "experiment": {"layers": [1], "output_dir": str(tmp_path / "r")}}))
    second.write_text("data: {max_prompts_per_split: 3}\nsanity_checks: {enabled: false}\n")
    found = json.loads(call("doctor", "-c", path, "-c", second, "--seconds", 0, "--json").stdout)
    # config.yaml leaves two strengths of add to the scan; 3 prompts of 3 splits, unsteered and under each.
    assert found["plan"]["left_to_the_scan"] == ["strengths of add"]
    assert (found["plan"]["conditions"], found["plan"]["completions_left"]) == (2, 3 * 9)
    assert json.loads(call("status", "-c", path, "-c", second, "--json").stdout)["completions"]["of"] == 3 * 3
    assert "not finished" in call("summary", "-c", path, "-c", second, code=1).stderr
    assert "no recorded checksums" in call("verify", "-c", path, code=1).stderr
    assert "no results" in call("show", "-c", path, code=1).stderr
    assert "no results" in call("export", "results", "-c", path, tmp_path / "out.csv", code=1).stderr
    assert "record of the run" in call("reproduce", "-c", path, code=1).stderr


@pytest.mark.parametrize("command", ["doctor", "plan", "status", "summary", "verify", "show", "run", "reproduce"])
def test_every_command_tells_the_rule_and_takes_a_run_or_configs(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    text = " ".join(call(command, "--help").stdout.replace("│", " ").split())
    assert "RUN]" in text
    assert RULE in text
    done = call(command, "results", "-c", "config.yaml", code=1)
    assert "both given" in done.stderr


def test_a_run_that_has_begun_is_named_by_its_folder(config, tmp_path):
    record_config(load_config(read_config(config)))
    run = tmp_path / "run"
    by_config = json.loads(call("status", "-c", config, "--json").stdout)
    assert json.loads(call("status", run, "--json").stdout) == by_config
    assert json.loads(call("status", config, "--json").stdout) == by_config
    assert json.loads(call("doctor", run, "--seconds", 0, "--json").stdout)["plan"]["run"] == str(run)
    assert "not finished" in call("summary", run, code=1).stderr
    assert "no recorded checksums" in call("verify", run, code=1).stderr


def test_a_run_is_made_by_its_folder_as_by_its_config(config, tmp_path, capfd):
    record_config(load_config(read_config(config)))
    call("run", tmp_path / "run", "--dry-run", "--cores", 1)
    by_folder = capfd.readouterr().out
    call("run", "-c", config, "--dry-run", "--cores", 1)
    assert counted(by_folder) == counted(capfd.readouterr().out)
    assert counted(by_folder)["complete_shard"] == "6"
    assert "This was a dry-run" in by_folder


def counted(said):
    """Jobs by rule, as a dry run lists them."""
    listed = said.partition("Job stats:")[2].partition("total")[0]
    return dict(line.split() for line in listed.splitlines() if len(line.split()) == 2 and "---" not in line)


def test_status_counts_files_stage_by_stage(config, tmp_path):
    shard = tmp_path / "run/completions/baseline/seed_0/benign.jsonl"
    shard.parent.mkdir(parents=True)
    shard.write_text("{}\n")
    found = json.loads(call("status", "--config", config, "--json").stdout)
    assert (found["completions"]["there"], found["completions"]["of"]) == (1, 9)
    assert (found["model"]["there"], found["model"]["of"]) == (1, 1)
    # Written after the model was.
    assert found["completions"]["seconds"] >= 0
    assert (found["prompts"]["finished"], found["prompts"]["seconds"]) == (None, None)
    assert list(found) == [*("prompts", "model", "directions", "completions", "results", "tables", "figures", "report")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["doctor", "--config", "no.yaml"], "to do:"),
        (["status", "{run}/.."], "to do:"),
        (["show", "{run}", "--layer", 99], "no condition with layer 99"),
        (["show", "{run}", "--split", "harmtest"], "there is no split 'harmtest'"),
    ],
)
def test_a_wrong_config_folder_or_choice_is_one_message(finished, arguments, message):
    done = call(*(str(argument).format(run=finished) for argument in arguments), code=1)
    assert message in done.stderr
    assert done.stderr.count("to do:") == 1
    assert "Traceback" not in done.output


def test_show_reads_completions_of_a_condition(finished):
    text = call("show", finished, "--split", "benign", "--n", 2).stdout
    assert text.count("  unsteered (") == text.count("  prompt: ") == 2
    (one,) = json.loads(call("show", finished, "--n", 1, "--json").stdout)
    assert one["point"]["alpha"] != 0
    assert one["unsteered"]["completion"]


def test_prompts_and_compare_take_the_flags_of_their_scripts_and_the_version_is_said(capfd):
    call("prompts", "--help")
    assert "--ingest" in capfd.readouterr().out
    call("compare", "--help")
    assert "--runs_dir" in capfd.readouterr().out
    assert call("--version").stdout.startswith("steering-reliability 0.")
