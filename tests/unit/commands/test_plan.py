"""What `plan` answers: the numbers of a config's own design, the cheapest for a wish, and what can't be."""

import json

import pytest
import yaml
from steering_reliability.commands.app import app
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.evidence.design_power import grid_level_of
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.plan import plan_run
from steering_reliability.run.workload import completions_of, expected_shards
from steering_reliability.statistics.power import QUESTIONS
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(WORKFLOW)


def call(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def test_without_a_wish_it_says_what_this_design_shows_and_costs(config):
    found = json.loads(call("plan", "-c", config, "--seconds", 0, "--json").stdout)
    # Five prompts per split, unsteered and at two points; all of harm_train builds the direction.
    assert (found["completions"], found["builders"], found["samples"]) == (45, 0, 1)
    assert [found["recommended"][name] for name in QUESTIONS] == [None] * 3
    text = call("plan", "-c", config, "--seconds", 0).stdout
    assert "80% for no effect, no gap, no cost at the recommended point" in text
    assert "45 completions, about" in text
    # Two effects, two gaps, two costs and a pair of layers.
    assert "at a point of the grid (7 tests are corrected together)" in text


def test_a_wish_is_answered_with_a_design_that_shows_it_and_the_keys_that_make_it(config, tmp_path):
    arguments = ("--effect", 20, "--cost", 15, "--seconds", 0)
    found = json.loads(call("plan", "-c", config, *arguments, "--json").stdout)
    best = found["cheapest"]
    assert best["in_files"]
    assert found["recommended"]["effect"] <= 20 and found["recommended"]["cost"] <= 15
    assert all(best["completions"] <= other["completions"] for other in found["others"])
    # The keys that it prints make just this design.
    lines = [line.partition("    ")[2].strip() for line in call("plan", "-c", config, *arguments).stdout.splitlines()]
    keys = [yaml.safe_load(line) for line in lines if line.startswith(("data:", "generation:", "direction:"))]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({name: part for one in keys for name, part in one.items()}))
    again = json.loads(call("plan", "-c", config, "-c", tmp_path / "own.yaml", "--seconds", 0, "--json").stdout)
    for name in ("completions", "builders", "samples", "templates", "prompts"):
        assert again[name] == best[name]
    assert again["recommended"] == found["recommended"]


def test_what_can_not_be_is_said(config):
    done = call("plan", "-c", config, "--gap", 95, "--seconds", 0, code=1)
    assert "a change of 95 points is impossible" in done.stderr
    assert "at most 90 points can change" in done.stderr
    assert "more than half of harm_train's" in call("plan", "-c", config, "--gap", 20, "--builders", 90, code=1).stderr
    tiny = call("plan", "-c", config, "--gap", 0.5, "--seconds", 0, code=1)
    assert "no design shows gap 0.5 with 80% power: even 1,000 prompts per split" in tiny.stderr


def test_completions_of_another_size_are_those_that_such_a_run_has():
    raw = read_config(WORKFLOW / "config.yaml")
    raw["experiment"]["output_dir"] = "results/never_made"
    now = plan_run(raw)
    for n, samples in ((20, 1), (60, 3), (10, 2)):
        raw["data"]["max_prompts_per_split"], raw["generation"]["num_samples_per_prompt"] = n, samples
        expected = sum(shard.rows for shard in expected_shards(plan_run(raw)))
        assert completions_of(now, prompts=dict.fromkeys(SPLITS, n), samples=samples) == expected


def test_tests_of_the_grid_are_three_of_every_point_and_the_pairs_of_layers():
    # config.yaml: three layers and two strengths of add, which the scan chooses.
    level, n_tests = grid_level_of(plan_run(read_config(WORKFLOW / "config.yaml")))
    assert n_tests == 3 * 6 + 3 * 2
    assert level == pytest.approx(0.025 / n_tests)
