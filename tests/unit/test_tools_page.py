"""docs/tools.md does what it says; of MLflow and Weights & Biases only what they are given, unless they are here."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from steering_reliability.commands.app import app
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.schema import read_results
from synthetic_run import finish_run
from typer.main import get_command
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[2] / "docs/tools.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^steering-reliability (.*)$", PAGE, re.MULTILINE)


def block(word):
    (found,) = [code for code in BLOCKS if word in code]
    return found


@pytest.fixture
def conditions(tmp_path, monkeypatch):
    """What the page's code makes of a run."""
    finish_run(tmp_path / "results/smollm2")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block("load_results"), names)
    return names["conditions"]


def test_the_rates_of_the_page_are_those_of_the_summary(conditions, tmp_path):
    summary = summarise(read_results(tmp_path / "results/smollm2/results.parquet"))
    summary = summary[summary["role"] == "main"].set_index(["intervention", "layer", "alpha"])
    assert len(conditions) == len(summary) == 3
    for point, measured in conditions:
        row = summary.loc[tuple(point.values())]
        for split in ("harm_train", "harm_test", "benign"):
            for ours, theirs in (("refusal", "is_refusal"), ("helpful", "is_helpful"), ("degenerate", "is_degenerate")):
                assert measured[f"{theirs}_{split}"] == pytest.approx(row[f"{ours}_{split}"])


def test_both_trackers_get_each_condition_with_plain_numbers(conditions, monkeypatch):
    given = []

    class Run:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        log = staticmethod(given.append)

    mlflow = SimpleNamespace(start_run=lambda run_name: Run(), log_params=given.append, log_metrics=given.append)
    wandb = SimpleNamespace(init=lambda project, config: given.append(config) or Run())
    for name, module in (("mlflow", mlflow), ("wandb", wandb)):
        # A stand-in: neither is needed here, and both would write files or ask for an account.
        monkeypatch.setitem(sys.modules, name, module)
        given.clear()
        exec(block(f"import {name}"), {"conditions": conditions})
        assert given == [part for condition in conditions for part in condition]
    assert all(type(value) is float for _, measured in conditions for value in measured.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_of_the_page_is_there(command):
    words = command.split()
    names = [word for word in words[:2] if word in ("try", "export", "inspect", "dataset", "direction")]
    done = CliRunner().invoke(app, [*names, "--help"])
    assert done.exit_code == 0, done.output
    found = get_command(app)
    for name in names:
        found = found.commands[name]
    options = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_folders_of_the_page_are_what_it_says(tmp_path, monkeypatch):
    finish_run(tmp_path / "results/smollm2")
    monkeypatch.chdir(tmp_path)
    (command,) = [one for one in COMMANDS if one.startswith("export dataset")]
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    card = (tmp_path / "my_dataset/README.md").read_text(encoding="utf-8")
    for part in ("## Licence", "## Columns", "## Config", "ask for harmful things"):
        assert part in card
