import subprocess

import pytest
from steering_reliability.errors import InputError
from steering_reliability.run.checksums import check_files, read_checksums, write_checksums


@pytest.fixture
def run(tmp_path):
    for name in ("results/run/a.csv", "results/run/b.jsonl", "reports/run/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    paths = [str(path) for path in tmp_path.rglob("*") if path.is_file()]
    write_checksums(paths, output=tmp_path / "results/run/SHA256SUMS", below=f"{tmp_path}/")
    return tmp_path


def states(run):
    return list(check_files(read_checksums(run / "results/run/SHA256SUMS"), root=run).values())


def test_what_was_written_is_recorded_by_the_names_of_the_rules_as_sha256sum_reads_it(run):
    recorded = read_checksums(run / "results/run/SHA256SUMS")
    assert list(recorded) == ["reports/run/index.html", "results/run/a.csv", "results/run/b.jsonl"]
    assert states(run) == ["as recorded"] * 3
    command = ["sha256sum", "--check", "--strict", "results/run/SHA256SUMS"]
    assert subprocess.run(command, cwd=run, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "folder", "dangling link", "lost"])
def test_damage_of_any_kind_is_seen(run, damage):
    path = run / "results/run/a.csv"
    content = path.read_bytes()
    if damage in ("flip", "truncate", "empty"):
        path.write_bytes({"flip": b"R" + content[1:], "truncate": content[:-1], "empty": b""}[damage])
    else:
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage == "dangling link":
            path.symlink_to("nowhere")
    assert states(run) == ["as recorded", "missing" if damage == "lost" else "changed", "as recorded"]


def test_a_list_that_is_damaged_or_not_there_is_told(run):
    path = run / "results/run/SHA256SUMS"
    path.write_text(path.read_text().replace("  ", " "))
    with pytest.raises(InputError, match="damaged"):
        read_checksums(path)
    path.unlink()
    with pytest.raises(InputError, match="no recorded checksums"):
        read_checksums(path)
