import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.prepare import prepare_prompts
from steering_reliability.prompts.reading import read_prompts


def write(tmp_path, *lines, name="p.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def row(id="a", prompt="hello", **rest):
    return json.dumps({"id": id, "prompt": prompt, **rest})


def test_prepare_writes_what_it_returns_and_reading_it_gives_it_back(tmp_path):
    path = write(tmp_path, *(row(f"{n}", f"prompt {n}", meta={"family": f"f{n % 2}"}) for n in range(9)))
    output = tmp_path / "run" / "benign.jsonl"
    kept = prepare_prompts(path, split="benign", limit=4, output=output)
    assert len(kept) == 4
    assert read_prompts(output, split="benign") == kept
    again = tmp_path / "again.jsonl"
    prepare_prompts(output, split="benign", limit=None, output=again)
    assert again.read_bytes() == output.read_bytes()


def test_prepare_writes_nothing_when_a_line_is_broken(tmp_path):
    path = write(tmp_path, row(), "{")
    with pytest.raises(InputError):
        prepare_prompts(path, split="benign", limit=1, output=tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
