import shutil

import pytest
from steering_reliability.commands.verify import as_lines, verify
from steering_reliability.errors import InputError
from steering_reliability.run.checksums import write_checksums


def test_what_changed_is_counted_by_stage_and_named(tmp_path):
    tables = tmp_path / "results/run/tables"
    tables.mkdir(parents=True)
    paths = [tables / name for name in ("a.csv", "b.csv", "c.csv")]
    for path in paths:
        path.write_text("x")
    run = tmp_path / "results/run"
    write_checksums(map(str, paths), output=run / "SHA256SUMS", below=f"{tmp_path}/")
    paths[0].write_text("y")
    paths[1].unlink()
    found = verify(run)
    assert found["stages"] == {"tables": {"as recorded": 1, "changed": 1, "missing": 1}}
    assert found["files"] == {"results/run/tables/a.csv": "changed", "results/run/tables/b.csv": "missing"}
    assert next(iter(as_lines(found))).split() == ["tables", "1", "of", "3", "as", "recorded"]


def test_a_copy_of_a_run_is_not_taken_for_the_run_and_one_outside_a_clone_has_whole_paths(tmp_path):
    run = tmp_path / "clone/results/run"
    run.mkdir(parents=True)
    (run / "a.csv").write_text("x")
    write_checksums([str(run / "a.csv")], output=run / "SHA256SUMS")
    assert verify(run)["files"] == {}
    write_checksums([str(run / "a.csv")], output=run / "SHA256SUMS", below=f"{tmp_path}/clone/")
    assert verify(run)["stages"] == {"results": {"as recorded": 1, "changed": 0, "missing": 0}}
    copy = shutil.copytree(run, tmp_path / "copy")
    with pytest.raises(InputError, match="not in the folder in which it was made"):
        verify(copy)
