import pandas as pd
import pyarrow.parquet as pq
import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.schema import COLUMN_DESCRIPTIONS, RESULTS_SCHEMA, read_results, sort_points
from steering_reliability.results.writer import ResultsWriter
from synthetic_run import tiny_results


def write(path, rows):
    with ResultsWriter(path) as writer:
        writer.write(rows)


def test_every_column_carries_its_description_into_the_file(tmp_path):
    write(tmp_path / "results.parquet", tiny_results().to_dict("records"))
    schema = pq.read_schema(tmp_path / "results.parquet")
    assert schema.names == RESULTS_SCHEMA.names
    for field in schema:
        assert field.metadata[b"description"].decode() == COLUMN_DESCRIPTIONS[field.name]


def test_a_missing_number_comes_back_as_nan(tmp_path):
    rows = tiny_results().to_dict("records")
    rows[0]["base_logprob"] = float("nan")
    write(tmp_path / "results.parquet", rows)
    values = read_results(tmp_path / "results.parquet")["base_logprob"]
    assert values.isna().tolist() == [True] + [False] * (len(rows) - 1)


def test_an_error_while_writing_leaves_no_file(tmp_path):
    with pytest.raises(RuntimeError), ResultsWriter(tmp_path / "results.parquet") as writer:
        writer.write(tiny_results().to_dict("records"))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and no more"])
def test_missing_or_damaged_results_are_one_message(tmp_path, content):
    path = tmp_path / "results.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"results\.parquet"):
        read_results(path)


def test_a_lacking_column_is_named(tmp_path):
    pd.DataFrame({"role": ["main"]}).to_parquet(tmp_path / "results.parquet")
    with pytest.raises(InputError, match="seed"):
        read_results(tmp_path / "results.parquet")


def test_points_are_sorted_with_the_study_first():
    keys = {"direction": "v", "intervention": "add", "layer": 1, "seed": 0}
    points = pd.DataFrame([{**keys, "role": role, "alpha": alpha} for role, alpha in
                           [("random", 1.0), ("alt_prefix", 1.0), ("main", 1.0), ("main", -1.0)]])  # fmt: skip
    ordered = sort_points(points)
    assert list(zip(ordered["role"], ordered["alpha"], strict=True)) == [
        ("main", -1.0), ("main", 1.0), ("alt_prefix", 1.0), ("random", 1.0),
    ]  # fmt: skip
