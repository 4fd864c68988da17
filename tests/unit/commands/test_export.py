import contextlib
import io
import json

import pandas as pd
import pytest
import torch
from gguf import GGUFReader
from hub_folder import snippet, write_hub_folder
from safetensors import safe_open
from steering_reliability.commands.app import app
from steering_reliability.commands.export import Origin, directions_of, export_directions, export_results, origin_of
from steering_reliability.config.reading import load_config
from steering_reliability.directions.files import StoredDirection, write_direction
from steering_reliability.errors import InputError
from steering_reliability.results.schema import COLUMN_DESCRIPTIONS, read_results
from steering_reliability.run.record import record_config
from typer.testing import CliRunner


@pytest.fixture
def direction(tmp_path):
    path = tmp_path / "layer_3.pt"
    write_direction(path, StoredDirection(torch.tensor([3.0, 0.0, 4.0]), 5.0, 20.0, {"layer": 3}))
    return path


def export(*directions, output, hook_point="resid_post"):
    export_directions(directions, output=output, alpha=0.5, origin=Origin(hook_point, "llama"))


@pytest.fixture
def run(tmp_path, tiny_folder):
    """A run that has begun: directions of layers 1 to 3, read at resid_pre of a Llama."""
    config = {
        "model": {"name": "tiny", "source": str(tiny_folder)},
        "direction": {"hook_point": "resid_pre"},
        "experiment": {"layers": [1, 2], "alphas": [0.5], "output_dir": str(tmp_path / "run")},
    }
    record_config(load_config(config))
    for layer in (1, 2, 3):
        vector = StoredDirection(torch.tensor([0.0, 2.0 * layer]), 2.0 * layer, 10.0 * layer, {"layer": layer})
        write_direction(tmp_path / f"run/directions/contrastive_prefix/layer_{layer}.pt", vector)
    return tmp_path / "run"


def test_a_run_says_hook_point_and_architecture_and_several_layers_go_into_one_file(run, tmp_path):
    sources = directions_of(run, [], layers=[2, 3])
    origin = origin_of(sources[0], hook_point=None, architecture=None, is_named=True)
    assert origin == Origin("resid_pre", "llama")
    export_directions(sources, output=tmp_path / "d.gguf", alpha=0.5, origin=origin)
    reader = GGUFReader(tmp_path / "d.gguf")
    # What comes into block 2 is what block 1 gives; half of the residual norm there.
    found = {tensor.name: tensor.data.tolist() for tensor in reader.tensors}
    assert found == {"direction.1": [0.0, 10.0], "direction.2": [0.0, 15.0]}
    facts = [reader.fields[f"controlvector.{name}"].contents() for name in ("model_hint", "layer_count")]
    assert facts == ["llama", 2]
    assert reader.fields["general.architecture"].contents() == "controlvector"


def test_without_a_choice_all_layers_are_taken_and_what_the_user_says_goes_before(run):
    sources = directions_of(run, [], layers=[])
    assert [path.name for path in sources] == ["layer_1.pt", "layer_2.pt", "layer_3.pt"]
    assert origin_of(sources[0], hook_point="resid_post", architecture="x", is_named=True) == Origin("resid_post", "x")
    assert origin_of(sources[0], hook_point=None, architecture="x", is_named=True) == Origin("resid_pre", "x")
    assert origin_of(sources[0], hook_point=None, architecture=None, is_named=False) == Origin("resid_pre")


def test_the_architecture_has_llama_cpps_name(run, tmp_path, tiny_folder):
    settings = json.loads((tiny_folder / "config.json").read_text())
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(settings | {"model_type": "gpt_neox"}))
    config = {"model": {"name": "n", "source": str(model)}, "experiment": {"layers": [1], "alphas": [1.0]}}
    config["experiment"]["output_dir"] = str(run)
    record_config(load_config(config))
    (source, *_) = directions_of(run, [], layers=[1])
    assert origin_of(source, hook_point=None, architecture=None, is_named=True).architecture == "gptneox"


def test_several_layers_as_safetensors_can_be_read_back_by_layer(run, tmp_path):
    export(*directions_of(run, [], layers=[1, 3]), output=tmp_path / "d.safetensors")
    with safe_open(tmp_path / "d.safetensors", framework="pt") as file:
        assert {name: file.get_tensor(name).tolist() for name in file.keys()} == {  # noqa: SIM118 - no mapping
            "direction.1": [0.0, 1.0],
            "direction.3": [0.0, 1.0],
        }
        assert json.loads(file.metadata()["resid_norm"]) == {"1": 10.0, "3": 30.0}


def test_what_a_run_does_not_say_or_have_is_one_message(run, direction):
    with pytest.raises(InputError, match="no direction of layer 7"):
        directions_of(run, [], layers=[7])
    with pytest.raises(InputError, match="give --hook-point and --model"):
        origin_of(direction, hook_point=None, architecture=None, is_named=True)
    with pytest.raises(InputError, match="two directions of layer 3"):
        export(direction, direction, output=run / "d.gguf")


def test_a_control_vector_at_scale_1_adds_alpha_times_the_residual_norm(direction, tmp_path):
    export(direction, output=tmp_path / "d.gguf")
    (tensor,) = GGUFReader(tmp_path / "d.gguf").tensors
    assert (tensor.name, tensor.data.tolist()) == ("direction.3", pytest.approx([6.0, 0.0, 8.0]))
    export(direction, output=tmp_path / "out" / "d.safetensors")
    with safe_open(tmp_path / "out" / "d.safetensors", framework="pt") as file:
        assert file.get_tensor("direction").tolist() == pytest.approx([0.6, 0.0, 0.8])
        facts = file.metadata()
    assert (json.loads(facts["resid_norm"]), facts["layer"], facts["hook_point"]) == (20.0, "3", "resid_post")


def test_what_a_format_has_no_place_for_is_refused(tmp_path, direction):
    path = tmp_path / "layer_0.pt"
    write_direction(path, StoredDirection(torch.ones(3), 1.0, 1.0, {"layer": 0}))
    with pytest.raises(InputError, match="can't hold the resid_post of layer 0"):
        export(path, output=tmp_path / "d.gguf")
    with pytest.raises(InputError, match=r"written as \.txt"):
        export(direction, output=tmp_path / "d.txt")
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix in (".gguf", ".txt")) == []


@pytest.mark.parametrize(("layers", "hook_point"), [((1,), "resid_post"), ((1, 2), "resid_pre")])
def test_a_folder_s_card_steers_alike_with_the_library_and_with_transformer_lens(
    layers, hook_point, tmp_path, tiny_folder, monkeypatch
):
    folder = write_hub_folder(tmp_path, model=tiny_folder, layers=layers, hook_point=hook_point)
    # The file of a control vector has no place for what comes into block 1 or what block 0 gives.
    assert (folder / "control_vector.gguf").is_file() == (hook_point == "resid_post")
    monkeypatch.chdir(folder)
    written = []
    for tool, off in (("steering-reliability", "alpha=0.4"), ("TransformerLens", "resid + vector")):
        code = snippet(folder, tool, model=tiny_folder)
        written += [printed(code), printed(code.replace(off, off.replace("0.4", "0.0").replace("+", "+ 0 *")))]
    ours, ours_off, lens, lens_off = written
    assert ours == lens
    assert ours not in (ours_off, lens_off)


def printed(code):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue().strip().splitlines()[-1]


def test_results_as_a_dataset_keep_their_bytes_and_tell_their_columns(finished, tmp_path):
    export_results(finished, output=tmp_path / "dataset")
    assert (tmp_path / "dataset/results.parquet").read_bytes() == (finished / "results.parquet").read_bytes()
    card = (tmp_path / "dataset/README.md").read_text()
    assert all(f"`{name}`: {text}" in card for name, text in COLUMN_DESCRIPTIONS.items())


def test_the_command_for_a_dataset_takes_a_folder_and_says_what_else_there_is(finished, tmp_path):
    done = CliRunner().invoke(app, ["export", "dataset", str(finished), str(tmp_path / "data")])
    assert done.exit_code == 0, done.output
    assert "Choose a licence" in (tmp_path / "data/README.md").read_text()
    refused = CliRunner().invoke(app, ["export", "dataset", str(finished), str(tmp_path / "data.csv")])
    assert (refused.exit_code, "use `export results`" in refused.output) == (1, True)


def test_results_as_lines_and_as_a_table_in_which_a_spreadsheet_finds_no_formula(finished, tmp_path):
    results = read_results(finished / "results.parquet").assign(completion='=HYPERLINK("http://example.invalid")')
    results.to_parquet(finished / "results.parquet")
    export_results(finished, output=tmp_path / "r.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [line["completion"] for line in lines] == list(results["completion"])
    export_results(finished, output=tmp_path / "r.csv")
    table = pd.read_csv(tmp_path / "r.csv")
    assert len(table) == len(results)
    assert table["completion"].str.startswith("'=").all()
    assert table["alpha"].dtype.kind == "f"
    with pytest.raises(InputError, match=r"written as \.xlsx"):
        export_results(finished, output=tmp_path / "r.xlsx")
