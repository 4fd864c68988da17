"""The real huggingface_hub against a hub on this machine, each time in a process of its own, as a rule runs it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fake_hub import COMMIT, FakeHub, blob_id
from steering_reliability.errors import InputError
from steering_reliability.model.hub import choose_files

CODE = """
import json, sys
from steering_reliability.config.schema import ModelConfig
from steering_reliability.errors import InputError
from steering_reliability.model.preparation import prepare_model
from steering_reliability.model.source import count_layers
model = ModelConfig(**json.loads(sys.argv[1]))
try:
    print("layers", count_layers(model, folder=sys.argv[2]))
    prepare_model(model, folder=sys.argv[2])
except InputError as error:
    print(f"error: {error}")
    sys.exit(3)
"""
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


@pytest.fixture
def hub():
    """A hub with one model, whose weights come last."""
    with FakeHub({**OTHERS, "model.safetensors": WEIGHTS}).serving() as served:
        yield served


class Fetch:
    """A user's folder and cache."""

    def __init__(self, root: Path, hub: FakeHub) -> None:
        self.hub, self.folder, self.home = hub, root / "models" / "tiny", root / "home"

    def start(self, *, name: str = "lab/tiny", revision: str | None = None, **environment: str) -> subprocess.Popen:
        model = json.dumps({"name": name, "source": "hub", "revision": revision})
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        settings = kept | {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.home), **environment}
        command = [sys.executable, "-c", CODE, model, str(self.folder)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=settings, start_new_session=True
        )

    def __call__(self, **asked: str | None) -> str:
        """Fetch; what was printed."""
        process = self.start(**asked)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 0, output
        assert SECRET not in output
        return output

    def refused(self, **asked: str | None) -> str:
        """The one message with which a fetch ends."""
        process = self.start(**asked)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 3, output
        assert "Traceback" not in output
        assert SECRET not in output
        message = output[output.index("error: ") :]
        assert [line.partition(":")[0].strip() for line in message.splitlines()] == ["error", "where", "to do"], output
        assert not (self.folder / "config.json").exists()
        return message

    @property
    def blobs(self) -> Path:
        return self.home / "hub" / "models--lab--tiny" / "blobs"

    @property
    def card(self) -> dict:
        return json.loads((self.folder / "model_card.json").read_text())


@pytest.fixture
def fetch(tmp_path, hub):
    return Fetch(tmp_path, hub)


def test_a_model_is_fetched_once_without_its_pickle(fetch, hub):
    output = fetch()
    assert "layers 7" in output
    names = {"config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors", "model_card.json"}
    assert {path.name for path in fetch.folder.iterdir()} == names
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not hub.gets("pytorch_model.bin")
    fetched = len(hub.log)
    assert "layers 7" in subprocess_layers(fetch)
    assert len(hub.log) == fetched, "once the folder is there, the hub is not asked how many layers there are"


def subprocess_layers(fetch: Fetch) -> str:
    code = CODE.replace("    prepare_model(model, folder=sys.argv[2])\n", "")
    model = json.dumps({"name": "lab/tiny", "source": "hub"})
    settings = os.environ | {"HF_ENDPOINT": fetch.hub.url, "HF_HOME": str(fetch.home)}
    command = [sys.executable, "-c", code, model, str(fetch.folder)]
    return subprocess.run(command, capture_output=True, text=True, env=settings, check=True).stdout


def test_a_revision_that_is_no_commit_is_recorded_and_should_be_pinned(fetch):
    assert f"set it to {COMMIT}" in fetch()
    card = fetch.card
    assert sorted(card.pop("files")) == ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]
    assert len(card.pop("code")) == 16
    assert card == {
        "name": "lab/tiny",
        "source": "hub",
        "asked_for": "main",
        "revision": COMMIT,
        "licence": "mit",
    }


def test_a_pinned_revision_needs_no_advice(fetch):
    assert "set it to" not in fetch(revision=COMMIT)
    assert (fetch.card["asked_for"], fetch.card["revision"]) == (COMMIT, COMMIT)


def test_a_second_folder_takes_its_files_from_the_cache(fetch, hub, tmp_path):
    fetch()
    fetch.folder = tmp_path / "models" / "again"
    fetch()
    assert len(hub.gets("model.safetensors")) == 1
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_connection_that_drops_is_taken_up_where_it_broke(fetch, hub):
    hub.drops["model.safetensors"] = [100_000, 50_000]
    fetch()
    asked = [get.range for get in hub.gets("model.safetensors")]
    assert asked == [None, "bytes=100000-", "bytes=150000-"]
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_killed_fetch_is_taken_up_by_the_next(fetch, hub):
    hub.stalls["model.safetensors"] = 120_000
    process = fetch.start()
    partial = fetch.blobs / f"{SHA}.incomplete"
    deadline = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size == 120_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    hub.stalls.clear()
    fetch()
    assert [get.range for get in hub.gets("model.safetensors")] == [None, "bytes=120000-"]
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_can_not_continue_a_file_sends_it_again(fetch, hub):
    hub.ignores_range = True
    hub.drops["model.safetensors"] = [100_000]
    fetch()
    assert len(hub.gets("model.safetensors")) == 2
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_is_busy_for_a_moment_is_asked_again(fetch, hub):
    hub.failing["model.safetensors"] = 2
    assert "trying again" in fetch()
    assert len(hub.gets("model.safetensors")) == 3
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_hub_that_always_hangs_up_is_one_message_and_what_came_is_kept(fetch, hub):
    hub.drops["model.safetensors"] = [100_000, *[0] * 20]
    message = fetch.refused()
    assert "can't be reached for lab/tiny" in message
    assert hub.url in message
    assert (fetch.blobs / f"{SHA}.incomplete").stat().st_size == 100_000
    hub.drops.clear()
    fetch()
    assert hub.gets("model.safetensors")[-1].range == "bytes=100000-"


@pytest.mark.parametrize(
    "spoilt",
    [WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]), WEIGHTS[:-1000], WEIGHTS + b"more"],
    ids=["one bit", "shorter", "longer"],
)
def test_other_bytes_than_the_hub_names_are_refused(fetch, hub, spoilt):
    hub.spoilt["model.safetensors"] = spoilt
    message = fetch.refused()
    assert "model.safetensors does not have the size and hash" in message
    assert not (fetch.blobs / SHA).exists()
    hub.spoilt.clear()
    fetch()
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_small_file_is_checked_as_well(fetch, hub):
    hub.spoilt["tokenizer.json"] = b"[]"
    assert "tokenizer.json does not have the size and hash" in fetch.refused()


def test_what_an_earlier_try_left_is_not_trusted(fetch, hub):
    fetch.blobs.mkdir(parents=True)
    (fetch.blobs / f"{SHA}.incomplete").write_bytes(b"x" * 200_000)
    (fetch.blobs / blob_id(OTHERS["tokenizer.json"])).write_bytes(b"[]")
    fetch()
    assert [get.range for get in hub.gets("model.safetensors")] == ["bytes=200000-", None]
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert (fetch.folder / "tokenizer.json").read_bytes() == b"{}"


def test_a_gated_model_opens_with_the_right_token_alone(fetch, hub):
    hub.token = SECRET
    message = fetch.refused()
    assert "lab/tiny is gated" in message
    assert "(no token was sent)" in message
    assert f"{hub.url}/lab/tiny and set HF_TOKEN" in message
    message = fetch.refused(HF_TOKEN="hf_of_someone_else")
    assert "(the token that was sent does not open it)" in message
    assert "hf_of_someone_else" not in message
    fetch(HF_TOKEN=SECRET)
    assert hub.gets("model.safetensors")[-1].token == SECRET


def test_a_token_that_is_no_longer_good_is_told(fetch, hub):
    hub.refuses_tokens = True
    message = fetch.refused(HF_TOKEN=SECRET)
    assert "does not accept the token" in message
    assert "where: HF_TOKEN" in message


def test_a_model_that_is_not_there_is_told(fetch):
    message = fetch.refused(name="lab/tyni")
    assert "no model lab/tyni" in message
    assert "owner/model" in message
    assert "is no name" in fetch.refused(name="not//a//name")


def test_a_revision_that_is_not_there_is_told(fetch):
    message = fetch.refused(revision="v7")
    assert "lab/tiny has no revision v7" in message
    assert "where: config key model.revision" in message
    assert "/lab/tiny/commits/main" in message


def test_a_hub_that_is_not_there_is_told(fetch):
    message = fetch.refused(HF_ENDPOINT="http://127.0.0.1:9")
    assert "the hub can't be reached for lab/tiny" in message
    assert "where: http://127.0.0.1:9" in message


def test_offline_a_model_comes_from_the_cache_or_not_at_all(fetch, hub, tmp_path):
    message = fetch.refused(HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set, and lab/tiny (main) is not whole" in message
    assert hub.log == []
    fetch()
    asked = len(hub.log)
    fetch.folder = tmp_path / "models" / "offline"
    fetch(HF_HUB_OFFLINE="1")
    assert len(hub.log) == asked
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert fetch.card["revision"] == COMMIT


def test_a_cache_with_the_config_alone_is_not_the_model(fetch):
    subprocess_layers(fetch)
    assert "not whole in the hub's cache" in fetch.refused(HF_HUB_OFFLINE="1")


def test_offline_the_cache_is_checked_too(fetch, tmp_path):
    fetch()
    blob = fetch.blobs / SHA
    blob.chmod(0o644)
    blob.write_bytes(WEIGHTS[:-1] + b"?")
    fetch.folder = tmp_path / "models" / "offline"
    message = fetch.refused(HF_HUB_OFFLINE="1")
    assert "model.safetensors does not have the size and hash" in message
    assert f"delete {blob}" in message
    fetch()
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_without_a_network_a_model_in_the_cache_will_do(fetch, tmp_path):
    fetch(revision=COMMIT)
    fetch.folder = tmp_path / "models" / "again"
    fetch(revision=COMMIT, HF_ENDPOINT="http://127.0.0.1:9")
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_an_old_name_of_a_model_leads_to_it(fetch, hub):
    hub.aliases = ("tiny",)
    fetch(name="tiny")
    assert (fetch.folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_model_that_is_only_a_pickle_is_refused(fetch, hub):
    del hub.files["model.safetensors"]
    hub.files["optimizer.pt"] = b"another pickle"
    message = fetch.refused()
    assert "only as pytorch_model.bin, a pickle, which can run code" in message
    assert "refs/pr/" in message
    assert not hub.gets("pytorch_model.bin")


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


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (["config.json", "adapter_model.safetensors"], "holds no safetensors weights"),
        (["config.json", "model.gguf"], "holds no safetensors weights"),
        (["model.safetensors"], r"holds no config\.json"),
    ],
)
def test_what_is_no_model_is_told(there, told):
    with pytest.raises(InputError, match=told):
        choose_files(there)
