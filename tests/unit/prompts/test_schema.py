import json

import pytest
from steering_reliability.prompts.schema import Prompt, to_jsonl, write_prompts


def test_a_prompt_is_one_line_in_the_plans_schema_with_extra_meta_last():
    prompt = Prompt("harm_train_0001", 'Say "é"\nnow', "weapons", "direct", {"template": "direct_1"})
    line = prompt.to_json()
    assert "\n" not in line
    assert "é" in line
    assert json.loads(line) == {
        "id": "harm_train_0001",
        "prompt": 'Say "é"\nnow',
        "meta": {"family": "weapons", "style": "direct", "template": "direct_1"},
    }


def test_prompts_can_be_put_into_a_set():
    assert len({Prompt("a", "x", "f", "s", {"k": 1}), Prompt("a", "x", "f", "s", {"k": 1})}) == 1


def test_a_file_is_written_whole_with_lf_and_nothing_left_beside_it(tmp_path):
    prompts = [Prompt("a", "one", "f", "s"), Prompt("b", "two", "f", "s")]
    path = tmp_path / "new" / "benign.jsonl"
    write_prompts(prompts, path=path)
    assert path.read_bytes() == to_jsonl(prompts)
    assert path.read_bytes().count(b"\n") == 2
    assert b"\r" not in path.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == ["benign.jsonl"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "benign.jsonl"
    path.write_text("old")

    def broken():
        yield Prompt("a", "one", "f", "s")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_prompts(broken(), path=path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["benign.jsonl"]
