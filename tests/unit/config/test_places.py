"""An error of a config names the file and the line that set the value."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from steering_reliability.config.places import ConfigPlaces
from steering_reliability.config.reading import ConfigError, load_config
from steering_reliability.errors import InputError

ROOT = Path(__file__).parents[3]

BASE = """\
model:
  name: m
generation:
  seed: one
  top_p: 0.9
experiment:
  layers: [4,
           four]
  alphas: [1]
  output_dir: out
"""
TOP = """\
# a comment
generation: {top_p: 7, max_new_tokns: 3}
direction:
  hook_point: resid_mid
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two configs, the second one over the first."""
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)
    Path("top.yaml").write_text(TOP)
    return ["base.yaml", str(tmp_path / "top.yaml")]


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("generation", "seed"), "base.yaml, line 4"),
        (("generation", "top_p"), "top.yaml, line 2"),
        (("direction", "hook_point"), "top.yaml, line 4"),
        (("experiment", "layers", 0), "base.yaml, line 7"),
        (("experiment", "layers", 1), "base.yaml, line 8"),
        # What is missing is missing from its section.
        (("model", "source"), "base.yaml, line 1"),
        (("direction", "method"), "top.yaml, line 3"),
        (("report",), None),
    ],
)
def test_the_file_that_sets_a_value_is_named_with_its_line(files, keys, place):
    assert ConfigPlaces(files).place(keys) == place


def test_the_command_line_wins_over_all_files_and_of_a_key_that_stands_twice_the_last_one(files):
    places = ConfigPlaces(files, overrides={"generation": {"seed": "x"}, "experiment": {"layers": ["x"]}})
    assert places.place(("generation", "seed")) == places.place(("experiment", "layers", 0)) == "--config"
    assert places.place(("generation", "top_p")) == "top.yaml, line 2"
    Path("top.yaml").write_text("generation:\n  seed: 1\ngeneration:\n  seed: x\n")
    assert ConfigPlaces(files).place(("generation", "seed")) == "top.yaml, line 4"


def problems(files: list[str], raw: dict) -> ConfigError:
    with pytest.raises(ConfigError) as caught, ConfigPlaces(files).named():
        load_config(raw)
    return caught.value


def test_every_problem_has_its_place(files):
    found = problems(
        files,
        {
            "model": {"name": "m"},
            "generation": {"seed": "one", "top_p": 7, "max_new_tokns": 3},
            "experiment": {"layers": [4, "four"], "alphas": [1], "output_dir": "out"},
            "direction": {"hook_point": "resid_mid"},
        },
    )
    assert found.what.splitlines()[1:] == [
        "  - generation.top_p: must be at most 1 (got 7) [top.yaml, line 2]",
        "  - generation.seed: must be a whole number (got 'one') [base.yaml, line 4]",
        "  - generation.max_new_tokns: unknown key; did you mean `max_new_tokens`? [top.yaml, line 2]",
        "  - direction.hook_point: must be 'resid_pre', 'resid_post' or 'resid_both' (got 'resid_mid'); did you mean "
        "`resid_pre`? [top.yaml, line 4]",
        "  - experiment.layers.1: must be a whole number (got 'four') [base.yaml, line 8]",
    ]
    assert found.where == "top.yaml, base.yaml"


def test_of_a_single_problem_the_place_stands_where_the_place_stands(files):
    experiment = {"layers": [4], "alphas": [1], "output_dir": "out"}
    found = problems(files, {"model": {"name": "m"}, "experiment": experiment, "generation": {"seed": "one"}})
    assert str(found).splitlines()[1:3] == [
        "  - generation.seed: must be a whole number (got 'one')",
        "  where: base.yaml, line 4",
    ]
    # A check of two keys is about the one that it names.
    experiment["alphas"] = [1, 1]
    assert problems(files, {"model": {"name": "m"}, "experiment": experiment}).where == "base.yaml, line 9"
    # No file says anything of a section that is missing.
    Path("base.yaml").write_text("model: {name: m}\n")
    assert problems(files, {"model": {"name": "m"}}).where == "base.yaml, top.yaml"


@pytest.mark.parametrize(
    ("where", "located"),
    [
        ("config key generation.top_p", "config key generation.top_p (top.yaml, line 2)"),
        (
            "config keys generation.seed and generation.top_p",
            "config keys generation.seed and generation.top_p (base.yaml, line 4; top.yaml, line 2)",
        ),
        # A default stands in no file.
        ("config key model.source: a/b.gguf", "config key model.source: a/b.gguf"),
        ("prompts/benign.jsonl", "prompts/benign.jsonl"),
        ("config", "base.yaml, top.yaml"),
    ],
)
def test_an_error_that_names_a_config_key_is_located(files, where, located):
    error = ConfigPlaces(files).located(InputError("what", where=where, fix="fix"))
    assert (error.what, error.where, error.fix) == ("what", located, "fix")


@pytest.mark.parametrize("content", ["a: [", "\tb: 1", b"\xff"])
def test_a_file_without_lines_to_name_is_passed_over(files, content):
    Path("top.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert ConfigPlaces(files).place(("generation", "top_p")) == "base.yaml, line 5"
    Path("top.yaml").unlink()
    assert ConfigPlaces(files).place(("generation", "top_p")) == "base.yaml, line 5"


STATUS = ["steering_reliability", "status"]
BASELINE = ["steering_reliability.experiments.run_baseline"]


@pytest.mark.parametrize(
    ("command", "content", "where"),
    [
        (STATUS, "experiment:\n  layers: [999]\n", "  where: config key experiment.layers (mine.yaml, line 2)\n"),
        (STATUS, "generation:\n\ttop_p: 7\n", "  where: mine.yaml, line 2, column 1\n"),
        (
            BASELINE,
            "# one\ndata:\n  benign_path: no.jsonl\n",
            "  where: config key data.benign_path (mine.yaml, line 3)\n",
        ),
    ],
)
def test_a_command_names_the_line_of_the_config_that_it_was_given(tmp_path, command, content, where):
    # The default config names prompts and a model by paths from the project's folder.
    (tmp_path / "prompts").symlink_to(ROOT / "prompts")
    (tmp_path / "mine.yaml").write_text(content)
    run = subprocess.run(
        [sys.executable, "-m", *command, "--config", "mine.yaml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert where in run.stderr
    assert "Traceback" not in run.stderr
