"""The real huggingface_hub against a hub on this machine that has one dataset."""

from pathlib import Path

import pytest
from fake_hub import COMMIT, FakeHub
from huggingface_hub import constants
from steering_reliability.errors import InputError
from steering_reliability.model.hub_data import Dataset, fetch_rows, parse

ROWS = b"goal,target\nDraw a cat,Sure\n"
FILES = {
    "README.md": b"# not needed",
    "load.py": b"raise SystemExit('code of the repository ran')",
    "weights.safetensors": b"not rows",
    "data/rows.csv": ROWS,
    "data/more.parquet": b"PAR1",
}
NOWHERE = "http://127.0.0.1:9"


def is_rows(name):
    return name.endswith((".csv", ".parquet"))


class Fetch:
    def __init__(self, root, hub, monkeypatch):
        self._monkeypatch, self.cache, self.said = monkeypatch, root / "hub", []
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(self.cache))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(root / "no token"))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        self.set_endpoint(hub.url)

    def set_endpoint(self, url):
        self._monkeypatch.setattr(constants, "ENDPOINT", url)
        template = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        self._monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    def __call__(self, source):
        return fetch_rows(parse(source), is_wanted=is_rows, say=self.said.append)

    def refused(self, source):
        with pytest.raises(InputError) as caught:
            self(source)
        assert "model.source" not in str(caught.value) and "config key" not in str(caught.value)
        return caught.value


@pytest.fixture
def hub():
    with FakeHub(dict(FILES), name="lab/sets", kind="dataset").serving() as served:
        yield served


@pytest.fixture
def fetch(tmp_path, hub, monkeypatch):
    return Fetch(tmp_path, hub, monkeypatch)


def test_a_source_is_read_into_its_parts():
    assert parse("hub:lab/sets") == Dataset("lab/sets", None, None)
    assert parse("hub:lab/sets/data/rows.csv@v1") == Dataset("lab/sets", "data/rows.csv", "v1")
    with pytest.raises(InputError, match="hub:sets names no dataset") as caught:
        parse("hub:sets")
    assert caught.value.fix == "write hub:owner/name@commit"


def test_the_files_of_rows_are_fetched_once_and_nothing_else(fetch, hub):
    found = fetch(f"hub:lab/sets@{COMMIT}")
    there = {str(path.relative_to(found.folder)) for path in found.folder.rglob("*") if path.is_file()}
    assert there == {"data/rows.csv", "data/more.parquet"}
    assert (found.file, found.licence) == (None, "mit")
    assert (found.folder / "data/rows.csv").read_bytes() == ROWS
    assert fetch.said[0] == f"fetching lab/sets at {COMMIT}: 2 files, 0.0 MB"
    assert not any(hub.gets(name) for name in ("README.md", "load.py", "weights.safetensors"))
    fetch(f"hub:lab/sets@{COMMIT}")
    assert len(hub.gets("data/rows.csv")) == 1


def test_a_file_that_is_named_is_fetched_alone_and_comes_from_the_cache_without_a_network(fetch, hub):
    source = f"hub:lab/sets/data/rows.csv@{COMMIT}"
    assert fetch(source).file.read_bytes() == ROWS
    assert not hub.gets("data/more.parquet")
    fetch.set_endpoint(NOWHERE)
    assert fetch(source).file.read_bytes() == ROWS
    # Nobody knows whether the cache holds the whole repository.
    message = str(fetch.refused(f"hub:lab/sets@{COMMIT}"))
    assert "the hub can't be reached for lab/sets" in message
    assert "or download the file and give it to --file" in message


def test_a_revision_that_can_change_is_refused_and_the_commit_is_named(fetch, hub):
    error = fetch.refused("hub:lab/sets/data/rows.csv")
    assert error.what == "the dataset is not pinned: no revision is given, so its files could change"
    assert error.fix == f"use hub:lab/sets/data/rows.csv@{COMMIT}, which main is now"
    error = fetch.refused("hub:lab/sets@main")
    assert "main is no commit" in error.what
    assert error.fix == f"use hub:lab/sets@{COMMIT}, which main is now"
    assert not hub.gets("data/rows.csv")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("hub:lab/stes", ["the hub has no dataset lab/stes", "correct the name (owner/dataset)"]),
        (f"hub:lab/sets@{'0' * 40}", [f"lab/sets has no revision {'0' * 40}", "/datasets/lab/sets/commits/main"]),
        (f"hub:lab/sets/rows.csv@{COMMIT}", ["holds no file of rows rows.csv", "data/more.parquet, data/rows.csv"]),
        (f"hub:lab/sets/load.py@{COMMIT}", ["holds no file of rows load.py"]),
    ],
)
def test_what_is_not_there_is_named(fetch, source, words):
    message = str(fetch.refused(source))
    assert all(word in message for word in words)


def test_a_repository_without_rows_or_with_more_than_can_be_meant_is_refused(fetch, hub, monkeypatch):
    monkeypatch.setattr("steering_reliability.model.hub_data._MOST_MB", 0)
    assert f"name one: hub:lab/sets/FILE@{COMMIT}" in str(fetch.refused(f"hub:lab/sets@{COMMIT}"))
    for name in ("data/rows.csv", "data/more.parquet"):
        del hub.files[name]
    assert "lab/sets holds no file of rows at that commit" in str(fetch.refused(f"hub:lab/sets@{COMMIT}"))


def test_other_bytes_than_the_hub_names_are_refused_and_not_kept(fetch, hub):
    hub.spoilt["data/rows.csv"] = ROWS.replace(b"cat", b"dog")
    source = f"hub:lab/sets/data/rows.csv@{COMMIT}"
    assert "the hash of data/rows.csv differs from the one that the hub lists" in str(fetch.refused(source))
    hub.spoilt.clear()
    path = fetch(source).file
    blob = path.resolve()
    blob.chmod(0o644)
    blob.write_bytes(ROWS.replace(b"cat", b"dog"))
    fetch.set_endpoint(NOWHERE)
    assert f"delete {blob}" in str(fetch.refused(source))


def test_a_gated_dataset_needs_a_token(fetch, hub, monkeypatch):
    hub.token = "hf_secret"
    error = fetch.refused(f"hub:lab/sets@{COMMIT}")
    assert "lab/sets is gated" in error.what
    assert f"accept the terms at {hub.url}/datasets/lab/sets" in error.fix
    assert error.where == "--file"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert Path(fetch(f"hub:lab/sets@{COMMIT}").folder).is_dir()
