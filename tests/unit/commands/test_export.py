import json

import pandas as pd
import pytest
import torch
from gguf import GGUFReader
from safetensors import safe_open
from steering_reliability.analysis.schema import COLUMN_DESCRIPTIONS, read_results
from steering_reliability.commands.export import export_direction, export_results
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.errors import InputError


@pytest.fixture
def direction(tmp_path):
    path = tmp_path / "layer_3.pt"
    write_direction(path, StoredDirection(torch.tensor([3.0, 0.0, 4.0]), 5.0, 20.0, {"layer": 3}))
    return path


def export(direction, output, **changes):
    export_direction(
        direction, output=output, **({"alpha": 0.5, "hook_point": "resid_post", "model": "llama"} | changes)
    )


def test_safetensors_hold_the_unit_vector_and_its_numbers(direction, tmp_path):
    export(direction, tmp_path / "out" / "d.safetensors")
    with safe_open(tmp_path / "out" / "d.safetensors", framework="pt") as file:
        assert file.get_tensor("direction").tolist() == pytest.approx([0.6, 0.0, 0.8])
        facts = file.metadata()
    assert json.loads(facts["resid_norm"]) == 20.0
    assert (facts["layer"], facts["hook_point"]) == ("3", "resid_post")


@pytest.mark.parametrize(("hook_point", "block"), [("resid_post", 3), ("resid_pre", 2)])
def test_a_control_vector_at_scale_1_adds_alpha_times_the_residual_norm(direction, tmp_path, hook_point, block):
    export(direction, tmp_path / "d.gguf", hook_point=hook_point)
    reader = GGUFReader(tmp_path / "d.gguf")
    (tensor,) = reader.tensors
    assert tensor.name == f"direction.{block}"
    assert tensor.data.tolist() == pytest.approx([6.0, 0.0, 8.0])
    assert reader.fields["general.architecture"].contents() == "controlvector"
    assert reader.fields["controlvector.model_hint"].contents() == "llama"


def test_what_a_format_has_no_place_for_is_refused(tmp_path, direction):
    path = tmp_path / "layer_0.pt"
    write_direction(path, StoredDirection(torch.ones(3), 1.0, 1.0, {"layer": 0}))
    with pytest.raises(InputError, match="no place for the resid_post of layer 0"):
        export(path, tmp_path / "d.gguf")
    with pytest.raises(InputError, match=r"written as \.txt"):
        export(direction, tmp_path / "d.txt")
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix in (".gguf", ".txt")) == []


def test_results_as_a_dataset_keep_their_bytes_and_tell_their_columns(finished, tmp_path):
    export_results(finished, output=tmp_path / "dataset")
    assert (tmp_path / "dataset/results.parquet").read_bytes() == (finished / "results.parquet").read_bytes()
    card = (tmp_path / "dataset/README.md").read_text()
    assert all(f"`{name}`: {text}" in card for name, text in COLUMN_DESCRIPTIONS.items())


def test_results_as_lines_and_as_a_table(finished, tmp_path):
    results = read_results(finished / "results.parquet")
    export_results(finished, output=tmp_path / "r.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line["completion"] for line in lines] == list(results["completion"])
    export_results(finished, output=tmp_path / "r.csv")
    assert len(pd.read_csv(tmp_path / "r.csv")) == len(results)


def test_a_spreadsheet_finds_no_formula(finished, tmp_path):
    results = read_results(finished / "results.parquet").assign(completion='=HYPERLINK("http://example.invalid")')
    results.to_parquet(finished / "results.parquet")
    export_results(finished, output=tmp_path / "r.csv")
    table = pd.read_csv(tmp_path / "r.csv")
    assert table["completion"].str.startswith("'=").all()
    assert table["alpha"].dtype.kind == "f"


def test_an_unknown_ending_is_refused(finished, tmp_path):
    with pytest.raises(InputError, match=r"written as \.xlsx"):
        export_results(finished, output=tmp_path / "r.xlsx")
