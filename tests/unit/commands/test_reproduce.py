"""A run is laid out again from its record, and compared by bytes; nothing of the old one is touched."""

import hashlib
import json

import pytest
from steering_reliability.commands.reproduce import Record, as_lines, compare, read_record, set_up
from steering_reliability.config.reading import load_config
from steering_reliability.errors import InputError

CONFIG = {
    "model": {"name": "tiny", "source": "models/tiny"},
    "data": {f"{split}_path": f"prompts/{split}.jsonl" for split in ("harm_train", "harm_test", "benign")},
    "experiment": {"layers": [0], "alphas": [1.0], "output_dir": "results/run"},
}
SHARD, RECORDED = "results/run/completions/a.jsonl", "results/run/provenance.json"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def root(tmp_path):
    (tmp_path / "clone/prompts").mkdir(parents=True)
    (tmp_path / "clone/models/tiny").mkdir(parents=True)
    for split in ("harm_train", "harm_test", "benign"):
        (tmp_path / f"clone/prompts/{split}.jsonl").write_text(split)
    return tmp_path / "clone"


@pytest.fixture
def record():
    facts = {"config": load_config(CONFIG).model_dump(mode="json"), "code": "c0", "versions": {"python": "2"}}
    return Record(facts, {SHARD: sha("shard"), RECORDED: sha("two cores")})


def test_a_record_is_read_back(tmp_path, record):
    (tmp_path / "provenance.json").write_text(json.dumps(record.facts))
    (tmp_path / "SHA256SUMS").write_text("".join(f"{digest}  {path}\n" for path, digest in record.checksums.items()))
    assert read_record(tmp_path) == record


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"config": {"model": 3}}'])
def test_what_is_no_record_is_one_message(tmp_path, text):
    if text is not None:
        (tmp_path / "provenance.json").write_text(text)
    with pytest.raises(InputError, match=r"provenance\.json"):
        read_record(tmp_path)


def test_the_study_and_links_to_what_it_reads_are_laid_out_in_a_folder_of_its_own(root, record, tmp_path):
    place, used = tmp_path / "again", tmp_path / "used"
    set_up(record, place=place, root=root)
    assert (place / "prompts/benign.jsonl").resolve() == root / "prompts/benign.jsonl"
    assert (place / "models/tiny").resolve() == root / "models/tiny"
    assert "output_dir: results/run" in (place / "study.yaml").read_text()
    # A second time goes on with what is there.
    set_up(record, place=place, root=root)
    used.mkdir()
    (used / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="in use"):
        set_up(record, place=used, root=root)
    assert [path.name for path in used.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("folder", ["/somewhere/run", "../run"])
def test_a_run_outside_its_clone_is_not_overwritten(root, record, tmp_path, folder):
    record.facts["config"]["experiment"]["output_dir"] = folder
    with pytest.raises(InputError, match="would overwrite its files"):
        set_up(record, place=tmp_path / "again", root=root)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(("shard", "unexplained"), [("shard", []), ("other", [SHARD])])
def test_same_bytes_are_counted_and_others_are_named_unless_another_python_explains_them(
    record, tmp_path, shard, unexplained
):
    (tmp_path / SHARD).parent.mkdir(parents=True)
    (tmp_path / SHARD).write_text(shard)
    (tmp_path / RECORDED).write_text(json.dumps({"code": "c0", "versions": {"python": "4"}}))
    found = compare(record, place=tmp_path)
    n = len(unexplained)
    assert found["kinds"]["completions"] == {"same": 1 - n, "other": n, "may_differ": False}
    assert found["kinds"]["records"] == {"same": 0, "other": 1, "may_differ": True}
    assert found["unexplained"] == unexplained
    lines = list(as_lines(found))
    assert any(line.startswith("versions.python was") for line in lines)
    assert any("UNEXPECTED" in line and line.startswith("completions") for line in lines) == bool(n)
