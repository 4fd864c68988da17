"""One run, one Snakemake: the second start says who holds the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from steering_reliability.errors import InputError
from steering_reliability.process.run_lock import LOCK, hold_run, release_run

PACKAGE_ROOT = Path(__file__).parents[3] / "workflow"
HOLD = """
import sys, time
from pathlib import Path
from steering_reliability.process.run_lock import hold_run
hold_run(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(300)
"""


def start(folder: Path) -> subprocess.Popen:
    """A process that takes the folder, says so, and stays."""
    path = os.pathsep.join([str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


def test_a_folder_is_held_and_given_back(tmp_path):
    folder = tmp_path / "results" / "run"
    hold_run(folder)
    # Who holds it may take it again.
    hold_run(folder)
    assert [path.name for path in folder.iterdir()] == [LOCK]
    release_run(folder)
    assert list(folder.iterdir()) == []
    release_run(folder)


def test_the_second_is_told_who_holds_it(tmp_path):
    holder = start(tmp_path)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=rf"another Snakemake \(process {holder.pid}, started 20\d\d-"):
            hold_run(tmp_path)
        # What is not ours is not given back.
        release_run(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    finally:
        holder.kill()
        holder.wait()
    hold_run(tmp_path)
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


def test_a_process_of_the_same_number_is_not_the_holder(tmp_path):
    hold(tmp_path, host=os.uname().nodename, pid=os.getpid(), ticks=1.0, begun="long ago")
    hold_run(tmp_path)
    assert json.loads((tmp_path / LOCK).read_text())["ticks"] > 1


def hold(folder: Path, **facts: object) -> None:
    (folder / LOCK).write_text(json.dumps(facts))


@pytest.mark.parametrize("has_links", [True, False])
def test_of_another_machine_only_a_person_knows(tmp_path, monkeypatch, has_links):
    def no_link(source, target):
        raise PermissionError(1, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    hold(tmp_path, host="elsewhere", pid=1, ticks=0, begun="then")
    with pytest.raises(InputError, match=r"a run on elsewhere \(process 1, started") as caught:
        hold_run(tmp_path)
    assert f"delete {tmp_path / LOCK}" in caught.value.fix
    (tmp_path / LOCK).unlink()
    hold_run(tmp_path)
    assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 3}'])
def test_a_damaged_lock_holds_nothing_or_says_what_to_delete(content, tmp_path):
    (tmp_path / LOCK).write_text(content)
    try:
        hold_run(tmp_path)
    except InputError as error:
        assert "delete" in error.fix
    else:
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


def test_of_many_that_start_at_once_one_gets_it(tmp_path):
    (tmp_path / LOCK).write_text(json.dumps({"host": os.uname().nodename, "pid": 2**22 - 1, "ticks": 1.0}))
    starters = [start(tmp_path) for _ in range(6)]
    lines = []
    for starter in starters:
        lines.append(starter.stdout.readline())
    for starter in starters:
        starter.kill()
        starter.wait()
    assert lines.count("held\n") == 1
