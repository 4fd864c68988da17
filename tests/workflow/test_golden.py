"""The tiny run has the bytes it had when they were last meant to change, and a recorded run can be made again."""

import json

import pytest
from golden import checksums, golden_file, processor
from project import Project
from steering_reliability.run.checksums import read_checksums


def test_the_tiny_run_has_its_recorded_bytes(finished: Project) -> None:
    if not golden_file().exists():
        pytest.skip(f"no checksums were recorded on a processor like this ({processor()}): make golden")
    made = checksums(finished)
    expected = read_checksums(golden_file())
    assert sorted(made) == sorted(expected), "other files; if that is meant: make golden"
    changed = [path for path, digest in expected.items() if made[path] != digest]
    assert not changed, "other bytes; if that is meant: make golden"


def test_every_file_of_a_run_is_recorded(finished: Project) -> None:
    recorded = read_checksums(finished.root / "results/tiny/SHA256SUMS")
    assert set(recorded) == finished.made().keys() - {"results/tiny/SHA256SUMS"}


def test_a_recorded_run_is_made_again_in_another_clone_to_the_same_bytes(
    fresh: Project, finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clone = fresh.copy(tmp_path_factory.mktemp("clone") / "project")
    # What a colleague sends: two files.
    sent = tmp_path_factory.mktemp("sent") / "tiny"
    sent.mkdir()
    for name in ("provenance.json", "SHA256SUMS"):
        (sent / name).write_bytes((finished.root / "results/tiny" / name).read_bytes())
    command = ("-m", "steering_reliability", "reproduce", str(sent), "--cores", "2", "--json")
    done = clone.python(*command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "expect the same bytes everywhere" in done.stderr
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert found["files"] == []
    assert found["kinds"]["completions"]["same"] == len(finished.shards())
    assert not (clone.root / "results").exists()
    assert (clone.root / "reproduced/tiny/reports/tiny/index.html").is_file()
