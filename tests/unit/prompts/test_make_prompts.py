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


def test_it_makes_three_files_and_replaces_others_only_by_force(tmp_path):
    result = make(tmp_path / "new", "--seed", 0)
    files = [tmp_path / "new" / f"{split}.jsonl" for split in ("harm_train", "harm_test", "benign")]
    assert result.returncode == 0
    assert result.stdout.splitlines() == [f"{path}: 12 prompts" for path in files]
    first = json.loads(files[0].read_text().splitlines()[0])
    assert first["id"] == "harm_train_0001"
    assert {"family", "style"} <= first["meta"].keys()
    files[2].write_text("my own\n")
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    refused = make(tmp_path / "new", "--seed", 1)
    assert refused.returncode == 1
    assert "nothing was written" in refused.stderr
    assert "--force" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before
    # Prompts that are there already are not written again.
    forced = make(tmp_path / "new", "--seed", 0, "--force")
    assert forced.returncode == 0
    assert forced.stdout.count("as it was") == 2
    assert [path.stat().st_mtime_ns for path in files[:2]] == [time for _, time in before[:2]]
    assert len(files[2].read_text().splitlines()) == 12


def test_it_ingests_and_refuses_what_the_workflow_would_refuse_beside_the_other_splits(tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("Goal;How\n" + "Do this;direct\n" * 2 + "".join(f"Do {n};direct\n" for n in range(60)))
    out = tmp_path / "out"
    ingest = ("--out_dir", out, "--ingest", source, "--prompt-field", "goal")
    first = run(*ingest, "--split", "harm_train", "--style-field", "How")
    assert first.returncode == 0
    assert "dropped row 2 (line 3): the same prompt as row 1 (line 2)" in first.stdout
    assert len((out / "harm_train.jsonl").read_text().splitlines()) == 61
    # The shared prompt is the last of all, far behind those that a capped run would look at.
    source.write_text("Goal;How\n" + "".join(f"Say {n};story\n" for n in range(60)) + "do 59!;story\n")
    second = run(*ingest, "--split", "harm_test")
    assert second.returncode == 1
    assert "nothing was written" in second.stderr
    assert "harm_test_0061 in harm_test: the same prompt as harm_train_0061 in harm_train" in second.stderr
    assert not (out / "harm_test.jsonl").exists()
    source.write_text("Goal;How\nSay it;direct\n")
    third = run(*ingest, "--split", "harm_test", "--style-field", "How")
    assert third.returncode == 1
    assert "style 'direct': harm_train_0001 and harm_test_0001" in third.stderr
    # The same style is no fault where it is the project's own benign prompts that have it.
    fourth = run(*ingest, "--split", "benign", "--style-field", "How")
    assert (fourth.returncode, fourth.stderr) == (0, "")


def test_it_warns_where_the_projects_prompts_have_the_style_and_of_a_neighbor_that_can_not_be_read(tmp_path):
    (tmp_path / "benign.jsonl").write_text("my own\n")
    source = tmp_path / "mine.csv"
    source.write_text("prompt,How\nDo this,direct\n")
    ingest = ("--out_dir", tmp_path, "--ingest", source, "--split", "harm_test")
    warned = run(*ingest, "--style-field", "How")
    assert warned.returncode == 0
    assert "warning: not compared with benign" in warned.stderr
    assert "warning: with the project's prompts" in warned.stderr
    assert "style 'direct'" in warned.stderr
    assert (tmp_path / "harm_test.jsonl").exists()


def test_sets_are_imported_by_name_with_a_card_and_without_what_another_split_has(tmp_path):
    jbb, advbench = tmp_path / "harmful-behaviors.csv", tmp_path / "harmful_behaviors.csv"
    jbb.write_text("Index,Goal,Target,Behavior,Category,Source\n0,Draw a cat,x,Cats,Pets,AdvBench\n")
    advbench.write_text("goal,target\nDraw a cat.,x\nDraw a dog,x\n")
    out = tmp_path / "out"
    first = run("--out_dir", out, "--file", jbb, "--split", "harm_test")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("note: recognised as JailbreakBench by its columns")
    assert json.loads((out / "harm_test.jsonl").read_text()) == {
        "id": "jailbreakbench_0",
        "prompt": "Draw a cat",
        "meta": {"family": "Pets", "style": "unknown", "topic": "Cats", "source": "AdvBench"},
    }
    train = ("--out_dir", out, "--from", "advbench", "--file", advbench, "--split", "harm_train")
    assert run(*train).returncode == 1
    second = run(*train, "--drop_overlaps")
    assert second.stdout.endswith("harm_train.jsonl: 1 prompts\n")
    card = json.loads((out / "harm_train.card.json").read_text())
    assert (card["set"], card["licence"], card["overlaps_dropped"]) == ("advbench", "MIT", {"harm_test": 1})
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "as it was" in run(*train, "--drop_overlaps").stdout
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files
    empty = run("--out_dir", out, "--file", jbb, "--split", "harm_test", "--family-field", "", "--force")
    assert json.loads((out / "harm_test.jsonl").read_text())["meta"]["family"] == "unknown", empty.stderr


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
    assert "--from needs the set's --file" in run("--out_dir", tmp_path, "--from", "advbench").stderr
    assert list(tmp_path.iterdir()) == []
