"""A digest names the content of modules: what they say, and nothing else."""

import re
import shutil

import pytest
from steering_reliability import digest as module
from steering_reliability.digest import PACKAGE, digest


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of two parts of the package, to be changed at will."""
    for part in ("interventions", "generation"):
        shutil.copytree(PACKAGE / part, tmp_path / part)
    shutil.copy(PACKAGE / "model.py", tmp_path / "model.py")
    monkeypatch.setattr(module, "PACKAGE", tmp_path)
    return tmp_path


def test_it_is_sixteen_hexadecimal_digits_and_the_order_of_the_parts_does_not_matter():
    assert re.fullmatch(r"[0-9a-f]{16}", digest("model.py"))
    assert digest("model.py", "interventions") == digest("interventions", "model.py")


def test_a_changed_module_changes_only_the_digests_that_hold_it(copy):
    before = digest("interventions"), digest("model.py"), digest("interventions", "model.py")
    with (copy / "interventions" / "steer.py").open("a") as file:
        file.write("# changed\n")
    after = digest("interventions"), digest("model.py"), digest("interventions", "model.py")
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert after[2] != before[2]


def test_a_touched_file_and_bytecode_change_nothing(copy):
    before = digest("generation")
    (copy / "generation" / "engine.py").touch()
    (copy / "generation" / "__pycache__").mkdir(exist_ok=True)
    (copy / "generation" / "__pycache__" / "engine.pyc").write_bytes(b"bytecode")
    assert digest("generation") == before


def test_a_renamed_module_counts_as_changed(copy):
    before = digest("interventions")
    (copy / "interventions" / "steer.py").rename(copy / "interventions" / "steering.py")
    assert digest("interventions") != before


def test_a_part_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        digest("no_such_module.py")
