import pytest
from steering_reliability.analysis.checksums import write_checksums
from steering_reliability.commands.verify import as_lines, stage_of, verify


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("results/run/completions/x/add/layer_1/alpha_1/seed_0/benign.jsonl", "completions"),
        ("results/run/prompts/benign.jsonl", "prompts"),
        ("results/run/results.parquet", "results"),
        ("reports/run/index.html", "report"),
    ],
)
def test_a_file_has_a_stage(path, stage):
    assert stage_of(path) == stage


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
    found = verify(run.relative_to(tmp_path), root=tmp_path)
    assert found["stages"] == {"tables": {"as recorded": 1, "changed": 1, "missing": 1}}
    assert found["files"] == {"results/run/tables/a.csv": "changed", "results/run/tables/b.csv": "missing"}
    assert next(iter(as_lines(found))).split() == ["tables", "1", "of", "3", "as", "recorded"]
