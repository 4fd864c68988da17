"""A study on Linux as a Mac (tests/mac) has the bytes of one on Linux, and Windows gets one message."""

import json
import os
import platform
from pathlib import Path

import pytest
from project import REPOSITORY, SMALL, Project

AS_A_MAC = str(REPOSITORY / "tests" / "mac")


@pytest.fixture
def fresh_copy(fresh: Project, tmp_path: Path) -> Project:
    return fresh.copy(tmp_path / "project")


def test_a_small_study_runs_as_on_a_mac(
    fresh_copy: Project, finished: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    fresh_copy.configure(SMALL | {"generation.workers": None})
    run = fresh_copy.snakemake("--cores", "2", extra_path=(AS_A_MAC,))
    assert run.code == 0, run.output
    record = json.loads((fresh_copy.root / "results/tiny/provenance.json").read_text(encoding="utf-8"))
    # What a Mac's `sysctl` would say is not here, and /proc/cpuinfo was not read.
    assert record["machine"]["processor"] == (platform.processor() or platform.machine())  # noqa: TID251
    assert record["machine"]["cpus"] == os.cpu_count()  # noqa: TID251
    found, expected = fresh_copy.numbers(), finished.numbers()
    same = [name for name in found if name.startswith(("completions/", "directions/"))]
    assert len(same) == 3 * (1 + 2) + 2
    for name in same:
        assert found[name] == expected[name], name


def test_windows_gets_one_message_before_anything_is_written(
    fresh_copy: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_PLATFORM", "win32")
    # Snakemake makes its own folders before it reads a line of ours.
    before = {path.name for path in fresh_copy.root.iterdir()} | {".snakemake", ".cache"}
    run = fresh_copy.snakemake("--cores", "1", extra_path=(AS_A_MAC,))
    assert run.code == 1
    assert "error: this program runs on Linux and macOS, not on Windows\n  where: this machine\n  to do: use WSL" in (
        run.output
    )
    assert "Traceback" not in run.output
    for words in (["doctor"], ["run"], ["status"], ["export", "results", "a.csv"]):
        asked = fresh_copy.python("-m", "steering_reliability", *words, extra_path=(AS_A_MAC,))
        assert asked.returncode == 1
        assert asked.stderr.startswith("this program runs on Linux and macOS, not on Windows"), asked.stderr
    assert {path.name for path in fresh_copy.root.iterdir()} <= before
