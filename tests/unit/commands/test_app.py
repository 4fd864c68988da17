"""The command as a user calls it: what it prints, as data too, and how it refuses."""

import json

import pytest
from steering_reliability.commands.app import app
from steering_reliability.config_files import ROOT
from typer.testing import CliRunner

CALL = CliRunner()


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def call(*arguments, code=0):
    done = CALL.invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def test_doctor_says_what_a_run_costs_before_it_starts(config):
    found = json.loads(call("doctor", "--config", config, "--seconds", 0, "--json").stdout)
    assert found["plan"] | {"run": ""} == {
        **{"run": "", "layers": [0, 2], "conditions": 2, "shards": 9, "shards_done": 0},
        **{"completions_left": 9 * 5, "tokens_left": 9 * 5 * 4},
    }
    assert found["estimate"]["watched_seconds"] == 0
    said = call("doctor", "--config", config, "--seconds", 0).stdout
    assert "a guess" in said
    assert "harm_test has styles and templates of its own" in said


def test_doctor_watches_the_model_write(config):
    found = json.loads(call("doctor", "--config", config, "--seconds", 0.1, "--json").stdout)
    assert found["estimate"]["tokens_per_second"] > 0
    assert found["estimate"]["watched_seconds"] >= 0.1


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
    assert list(found) == [
        *("prompts", "model", "directions", "completions", "results", "tables", "figures", "report"),
    ]


@pytest.mark.parametrize("command", ["doctor", "status"])
def test_a_wrong_config_is_one_message(command, tmp_path):
    path = tmp_path / "no.yaml"
    done = call(command, "--config", path, code=1)
    assert "to do:" in done.stderr
    assert "Traceback" not in done.output


def test_show_reads_completions_of_a_condition(finished):
    text = call("show", finished, "--split", "benign", "--n", 2).stdout
    assert text.count("  unsteered (") == text.count("  prompt: ") == 2
    (one,) = json.loads(call("show", finished, "--n", 1, "--json").stdout)
    assert one["point"]["alpha"] != 0
    assert one["unsteered"]["completion"]


def test_show_names_a_condition_that_is_not_there(finished):
    assert "no condition with layer 99" in call("show", finished, "--layer", 99, code=1).stderr


def test_prompts_and_compare_take_the_flags_of_their_scripts(capfd):
    call("prompts", "--help")
    assert "--ingest" in capfd.readouterr().out
    call("compare", "--help")
    assert "--runs_dir" in capfd.readouterr().out


def test_run_gives_snakemakes_exit_code(config, capfd):
    call("run", "--config", config, "--dry-run", "--cores", 1)
    assert "This was a dry-run" in capfd.readouterr().out


def test_a_split_that_there_is_not_is_named_with_those_that_there_are(tmp_path):
    done = call("show", tmp_path, "--split", "harmtest", code=1)
    assert "there is no split 'harmtest'" in done.stderr
    assert "harm_train, harm_test, benign" in done.stderr


def test_the_version_is_said(tmp_path):
    assert call("--version").stdout.startswith("steering-reliability 0.")
