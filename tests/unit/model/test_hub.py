"""The real huggingface_hub against a hub on this machine."""

import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_hub import COMMIT, FakeHub
from huggingface_hub import constants
from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError
from steering_reliability.model import hub as module
from steering_reliability.model.hub import choose_files
from steering_reliability.model.hub_errors import explain_hub_error
from steering_reliability.model.preparation import prepare_model
from steering_reliability.model.source import count_layers

WEIGHTS = np.random.default_rng(0).bytes(300_000)
OTHERS = {
    "config.json": b'{"num_hidden_layers": 7}',
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"not needed",
    "pytorch_model.bin": b"a pickle",
    "onnx/model.safetensors": b"another format",
}
SHA = hashlib.sha256(WEIGHTS).hexdigest()
SECRET = "hf_secretsecretsecret"
NOWHERE = "http://127.0.0.1:9"
COMMAND = """
import sys
from pathlib import Path
from steering_reliability.config.schema import ModelConfig
from steering_reliability.model.preparation import prepare_model
prepare_model(ModelConfig(name="lab/tiny"), folder=Path(sys.argv[1]))
"""


@pytest.fixture
def hub():
    """A hub with one model."""
    with FakeHub({**OTHERS, "model.safetensors": WEIGHTS}).serving() as served:
        yield served


class Fetch:
    """A user's folder, cache and settings."""

    def __init__(self, root: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.cache, self._monkeypatch = root / "models" / "tiny", root / "home" / "hub", monkeypatch
        self.blobs = self.cache / "models--lab--tiny" / "blobs"
        self.said: list[str] = []
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(self.cache))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(root / "no token"))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        self.set_endpoint(hub.url)

    def set_endpoint(self, url: str) -> None:
        self._monkeypatch.setattr(constants, "ENDPOINT", url)
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        self._monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    def set_offline(self, *, offline: bool) -> None:
        self._monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)

    def set_token(self, token: str) -> None:
        self._monkeypatch.setenv("HF_TOKEN", token)

    def __call__(self, *, name: str = "lab/tiny", revision: str | None = None) -> str:
        """Fetch into the folder, which holds the model then; what was said."""
        model = ModelConfig(name=name, revision=revision)
        self.said.clear()
        assert count_layers(model, folder=str(self.folder)) == 7
        prepare_model(model, folder=self.folder, say=self.said.append)
        assert (self.folder / "model.safetensors").read_bytes() == WEIGHTS
        return "\n".join(self.said)

    def refused(self, **asked: str | None) -> str:
        """The one message with which a fetch ends."""
        with pytest.raises(InputError) as caught:
            self(**asked)
        message = str(caught.value)
        assert [line.partition(":")[0].strip() for line in message.splitlines()[1:]] == ["where", "to do"]
        assert SECRET not in message
        assert not (self.folder / "config.json").exists()
        return message

    @property
    def card(self) -> dict:
        return json.loads((self.folder / "model_card.json").read_text())


@pytest.fixture
def fetch(tmp_path, hub, monkeypatch):
    return Fetch(tmp_path, hub, monkeypatch)


def test_a_model_is_fetched_once_without_its_pickle_and_its_revision_is_recorded(fetch, hub, monkeypatch):
    monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.0)
    said = fetch()
    assert f"fetching lab/tiny at {COMMIT}: 4 files, 0.3 MB" in said
    assert "  0.3 of 0.3 MB" in said
    # What was asked for is no commit.
    assert f"set it to {COMMIT}" in said
    names = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]
    assert sorted(path.name for path in fetch.folder.iterdir()) == sorted([*names, "model_card.json"])
    assert not hub.gets("pytorch_model.bin")
    fetched = len(hub.log)
    assert count_layers(ModelConfig(name="lab/tiny"), folder=str(fetch.folder)) == 7
    assert len(hub.log) == fetched, "once the folder is there, the hub is not asked how many layers there are"
    card = fetch.card
    assert sorted(card.pop("files")) == names
    assert len(card.pop("code")) == 16
    assert card == {"name": "lab/tiny", "source": "hub", "asked_for": "main", "revision": COMMIT, "licence": "mit"}


def test_a_pinned_revision_needs_no_advice_and_a_second_folder_is_filled_from_the_cache(fetch, hub, tmp_path):
    assert "set it to" not in fetch(revision=COMMIT)
    assert (fetch.card["asked_for"], fetch.card["revision"]) == (COMMIT, COMMIT)
    fetch.folder = tmp_path / "models" / "again"
    fetch(revision=COMMIT)
    assert len(hub.gets("model.safetensors")) == 1
    fetch.folder = tmp_path / "models" / "without a network"
    fetch.set_endpoint(NOWHERE)
    fetch(revision=COMMIT)


def test_a_connection_that_breaks_is_taken_up_and_leaves_no_partial_file(fetch, hub):
    hub.drops["model.safetensors"] = [100_000]
    fetch()
    assert len(hub.gets("model.safetensors")) == 2
    assert not list(fetch.blobs.glob("*.incomplete"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "model.safetensors",
            WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]),
            "the hash of model.safetensors differs from the one that the hub lists",
        ),
        (
            "model.safetensors",
            WEIGHTS[:-1000],
            "a file of lab/tiny arrived incomplete: Consistency check failed: file should be of size 300000",
        ),
        ("tokenizer.json", b"[]", "the hash of tokenizer.json differs from the one that the hub lists"),
    ],
)
def test_other_bytes_than_the_hub_names_are_refused_and_not_kept(fetch, hub, name, content, words):
    hub.spoilt[name] = content
    assert words in fetch.refused()
    hub.spoilt.clear()
    fetch()


def test_a_file_that_went_bad_in_the_cache_is_fetched_again_and_named_offline(fetch, hub, tmp_path):
    fetch()
    blob = fetch.blobs / SHA
    blob.chmod(0o644)
    blob.write_bytes(WEIGHTS[:-1] + b"?")
    fetch.folder = tmp_path / "models" / "again"
    fetch.set_offline(offline=True)
    message = fetch.refused()
    assert "the hash of model.safetensors differs from the one that the hub lists" in message
    assert f"delete {blob}" in message
    fetch.set_offline(offline=False)
    fetch()
    assert len(hub.gets("model.safetensors")) == 2


def test_a_gated_model_opens_with_the_right_token_alone(fetch, hub):
    hub.token = SECRET
    message = fetch.refused()
    assert "lab/tiny is gated" in message
    assert "(no token was sent)" in message
    assert f"{hub.url}/lab/tiny and set HF_TOKEN" in message
    fetch.set_token("hf_of_someone_else")
    message = fetch.refused()
    assert "(the token that was sent has no access to it)" in message
    assert "hf_of_someone_else" not in message
    fetch.set_token(SECRET)
    fetch()
    assert hub.gets("model.safetensors")[-1].token == SECRET


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "lab/tyni"}, ["the hub has no model lab/tyni", "(owner/model)", "config keys model.name"]),
        ({"name": "not//a//name"}, ["is not a valid hub name"]),
        ({"revision": "v7"}, ["lab/tiny has no revision v7", "config key model.revision", "/lab/tiny/commits/main"]),
    ],
)
def test_what_is_not_there_is_named(fetch, hub, asked, words):
    message = fetch.refused(**asked)
    assert all(word in message for word in words)
    # An old name of a model leads to it.
    hub.aliases = ("tiny",)
    fetch(name="tiny")


def test_a_hub_that_refuses_fails_or_can_not_be_reached_is_one_message(fetch, hub):
    hub.refuses_tokens = True
    fetch.set_token(SECRET)
    message = fetch.refused()
    assert "does not accept the token" in message
    assert "where: HF_TOKEN" in message
    hub.refuses_tokens = False
    hub.failing.add("model.safetensors")
    assert "the hub answers 503 for lab/tiny" in fetch.refused()
    fetch.set_endpoint(NOWHERE)
    message = fetch.refused()
    assert "the hub can't be reached for lab/tiny" in message
    assert f"where: {NOWHERE}" in message


def test_offline_a_model_comes_complete_from_the_cache_or_not_at_all(fetch, hub, tmp_path):
    fetch.set_offline(offline=True)
    message = "HF_HUB_OFFLINE is set, and lab/tiny (main) is not complete in the hub's cache"
    assert message in fetch.refused()
    assert hub.log == []
    fetch.set_offline(offline=False)
    assert count_layers(ModelConfig(name="lab/tiny"), folder=str(fetch.folder)) == 7
    fetch.set_offline(offline=True)
    # The config alone is not the model.
    assert message in fetch.refused()
    fetch.set_offline(offline=False)
    fetch()
    requests = len(hub.log)
    fetch.folder = tmp_path / "models" / "offline"
    fetch.set_offline(offline=True)
    fetch()
    assert len(hub.log) == requests
    assert fetch.card["revision"] == COMMIT


def test_a_model_that_is_only_a_pickle_is_refused(fetch, hub):
    del hub.files["model.safetensors"]
    hub.files["optimizer.pt"] = b"another pickle"
    message = fetch.refused()
    assert "only as pytorch_model.bin, a pickle, which can run code" in message
    assert "refs/pr/" in message
    assert not hub.gets("pytorch_model.bin")


def test_the_environment_of_huggingface_hub_is_honoured(hub, tmp_path):
    hub.token = SECRET
    settings = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": SECRET}
    for offline in ("0", "1"):
        command = [sys.executable, "-c", COMMAND, str(tmp_path / offline)]
        subprocess.run(command, check=True, env=settings | {"HF_HUB_OFFLINE": offline}, timeout=100)
        assert (tmp_path / offline / "model.safetensors").read_bytes() == WEIGHTS
    assert (tmp_path / "home" / "hub" / "models--lab--tiny").is_dir()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "there is no room on the disk for lab/tiny"),
        (PermissionError(errno.EACCES, "Permission denied"), "the hub's cache can't be written"),
        (RuntimeError("what nobody knows\nof"), "lab/tiny can't be fetched from the model hub: what nobody knows\n"),
    ],
)
def test_what_fails_on_this_machine_is_one_message(error, words):
    try:
        raise RuntimeError("around") from error
    except RuntimeError as outer:
        raised = error if isinstance(error, RuntimeError) else outer
        assert words in str(explain_hub_error(raised, name="lab/tiny", revision=None))


SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (["model.safetensors", *SHARDS, "consolidated.safetensors"], ["model.safetensors"]),
        ([*SHARDS, "consolidated.safetensors", "model.safetensors.index.json"], SHARDS),
        (["weights.safetensors", "adapter_model.safetensors"], ["weights.safetensors"]),
    ],
)
def test_one_set_of_weights_is_chosen(there, chosen):
    found = choose_files(["config.json", "original/x.json", "merges.txt", "evil.py", "x.pkl", *there])
    assert [name for name in found if name.endswith("safetensors")] == chosen
    assert {"config.json", "merges.txt"} <= set(found)
    assert not {"original/x.json", "evil.py", "x.pkl"} & set(found)


def test_what_is_no_model_is_named():
    for there in (["config.json", "adapter_model.safetensors"], ["config.json", "model.gguf"]):
        with pytest.raises(InputError, match="holds no safetensors weights"):
            choose_files(there)
    with pytest.raises(InputError, match=r"holds no config\.json"):
        choose_files(["model.safetensors"])


def test_a_name_with_brackets_is_no_pattern(fetch, hub):
    hub.files["special[1].json"] = b"[1]"
    fetch()
    assert (fetch.folder / "special[1].json").is_file()


SHARDS = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({}, "model.safetensors.index.json does not say which files hold the weights"),
        ({"weight_map": SHARDS}, f"names {SHARDS['b']}, which the repository does not hold"),
    ],
)
def test_every_file_of_the_weights_must_be_there(fetch, hub, index, words):
    hub.files[SHARDS["a"]] = hub.files.pop("model.safetensors")
    hub.files["model.safetensors.index.json"] = json.dumps(index).encode()
    assert words in fetch.refused()
