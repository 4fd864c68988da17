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


def test_a_file_is_written_with_lf_or_stays_as_it_was(tmp_path):
    prompts = [Prompt("a", "one", "f", "s"), Prompt("b", "two", "f", "s")]
    path = tmp_path / "new" / "benign.jsonl"
    write_prompts(prompts, path=path)
    before = path.read_bytes()
    assert before == to_jsonl(prompts)
    assert (before.count(b"\n"), before.count(b"\r")) == (2, 0)

    def broken():
        yield Prompt("a", "one", "f", "s")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_prompts(broken(), path=path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["benign.jsonl"]
