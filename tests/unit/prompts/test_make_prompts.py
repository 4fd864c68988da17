"""The command `scripts/make_prompts.py`, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "make_prompts.py"


def run(*args):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, args)], capture_output=True, text=True, check=False)


def make(out, *args):
    return run("--out_dir", out, "--n_train", 12, "--n_test", 12, "--n_benign", 12, *args)


def test_it_makes_three_files_and_says_so(tmp_path):
    result = make(tmp_path / "new", "--seed", 0)
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        f"{tmp_path / 'new' / split}.jsonl: 12 prompts" for split in ("harm_train", "harm_test", "benign")
    ]
    first = json.loads((tmp_path / "new" / "harm_train.jsonl").read_text().splitlines()[0])
    assert first["id"] == "harm_train_0001"
    assert {"family", "style"} <= first["meta"].keys()


def test_other_prompts_are_only_replaced_by_force(tmp_path):
    make(tmp_path)
    mine = tmp_path / "benign.jsonl"
    mine.write_text("my own\n")
    before = (tmp_path / "harm_train.jsonl").read_bytes()
    refused = make(tmp_path, "--seed", 1)
    assert refused.returncode == 1
    assert "nothing was written" in refused.stderr
    assert "--force" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert mine.read_text() == "my own\n"
    assert (tmp_path / "harm_train.jsonl").read_bytes() == before
    assert make(tmp_path, "--seed", 1, "--force").returncode == 0
    assert len(mine.read_text().splitlines()) == 12


def test_the_same_prompts_again_need_no_force_and_touch_no_file(tmp_path):
    make(tmp_path)
    before = (tmp_path / "benign.jsonl").stat().st_mtime_ns
    again = make(tmp_path)
    assert again.returncode == 0
    assert "as it was" in again.stdout
    assert (tmp_path / "benign.jsonl").stat().st_mtime_ns == before


def test_it_ingests_and_warns_of_what_the_workflow_will_refuse(tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("Goal;How\nDo this;direct\nDo this;direct\nDo that;direct\n")
    out = tmp_path / "out"
    ingest = ("--out_dir", out, "--ingest", source, "--prompt-field", "Goal", "--style-field", "How")
    first = run(*ingest, "--split", "harm_train")
    assert first.returncode == 0
    assert "dropped row 2 (line 3): the same prompt as row 1 (line 2)" in first.stdout
    assert len((out / "harm_train.jsonl").read_text().splitlines()) == 2
    second = run(*ingest, "--split", "harm_test")
    assert second.returncode == 0
    assert "warning" in second.stderr
    assert "harm_test_0001 in harm_test: the same prompt as harm_train_0001" in second.stderr


def test_user_errors_are_messages(tmp_path):
    for args in (
        ("--out_dir", tmp_path, "--n_train", 100000),
        ("--out_dir", tmp_path, "--ingest", tmp_path / "none.csv", "--split", "benign"),
        ("--out_dir", SCRIPT, "--n_train", 1),
    ):
        result = run(*args)
        assert result.returncode == 1
        assert result.stderr.startswith("error: ")
        assert "Traceback" not in result.stderr
    assert "go together" in run("--out_dir", tmp_path, "--ingest", "x.csv").stderr
    assert list(tmp_path.iterdir()) == []
