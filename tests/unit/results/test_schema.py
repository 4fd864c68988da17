import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.aggregate import write_results
from steering_reliability.results.schema import (
    COLUMN_DESCRIPTIONS,
    RESULTS_SCHEMA,
    in_order,
    layers_in_order,
    read_results,
    sort_points,
)
from synthetic_run import tiny_results


def test_columns_carry_their_description_and_a_missing_number_comes_back_as_nan(tmp_path):
    path = tmp_path / "results.parquet"
    rows = tiny_results().to_dict("records")
    rows[0]["base_logprob"] = float("nan")
    write_results(rows, path)
    schema = pq.read_schema(path)
    assert schema.names == RESULTS_SCHEMA.names
    assert {field.name: field.metadata[b"description"].decode() for field in schema} == COLUMN_DESCRIPTIONS
    assert read_results(path)["base_logprob"].isna().tolist() == [True] + [False] * (len(rows) - 1)


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
    keys = {"direction": "v", "intervention": "add", "layer": "1", "seed": 0}
    expected = [("main", -1.0), ("main", 1.0), ("method", 1.0), ("alt_prefix", 1.0), ("random", 1.0)]
    points = pd.DataFrame([{**keys, "role": role, "alpha": alpha} for role, alpha in reversed(expected)])
    ordered = sort_points(points)
    assert list(zip(ordered["role"], ordered["alpha"], strict=True)) == expected


def test_layers_are_sorted_by_number_then_sets_then_all():
    ordered = ["2", "10", "10-from-2", "10-12", "10+14", "all"]
    mixed = [*reversed(ordered), None]
    assert layers_in_order([*mixed, *mixed]) == ordered
    table = pd.DataFrame({"layer": mixed, "alpha": 1.0, "number": range(len(mixed))})
    assert [*in_order(table, ["alpha", "layer"])["layer"].dropna()] == ordered
    assert in_order(table, ["alpha", "layer"])["layer"].isna().tolist() == [False] * 6 + [True]
    assert in_order(table, ["layer"], ascending=[False])["layer"].tolist()[:6] == ordered[::-1]
    assert in_order(table, ["alpha"])["number"].tolist() == [*range(len(mixed))]


def test_results_of_earlier_versions_have_layers_by_name(tmp_path):
    """Until version 1 a layer was a number, in a column of 32 bits."""
    path = tmp_path / "results.parquet"
    write_results(tiny_results().to_dict("records"), path)
    table = pq.read_table(path)
    place = table.column_names.index("layer")
    numbers = pa.array([int(name) for name in table["layer"].to_pylist()], pa.int32())
    pq.write_table(table.set_column(place, "layer", numbers), path)
    assert pq.read_schema(path).field("layer").type == pa.int32()
    pd.testing.assert_frame_equal(read_results(path)[["layer"]], tiny_results()[["layer"]].astype("str"))
    assert read_results(path, columns=["seed"]).columns.tolist() == ["seed"]
