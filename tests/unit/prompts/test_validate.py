import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.validate import check_file


def write(tmp_path, *lines, name="p.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def row(id="a", prompt="hello", **rest):
    return json.dumps({"id": id, "prompt": prompt, **rest})


def faults(path):
    with pytest.raises(InputError) as caught:
        check_file(path, split="benign")
    assert caught.value.where == str(path)
    return [line.strip() for line in caught.value.what.splitlines()[1:]]


def test_every_broken_line_is_named_at_once(tmp_path):
    path = write(
        tmp_path,
        row("ok", "fine"),
        '{"id": "b", "prompt": ',
        b'{"id": "c", "prompt": "\xff"}',
        '["a list"]',
        '{"id": "d"}',
        row("e", 7),
        row("f", "  "),
        row("g/h", "path"),
        row("ok", "other"),
        row("i", "fine"),
        row("j", "k", text="x"),
        row("l", "m", meta=["f"]),
        row("n", "o", meta={"family": 3, "style": ""}),
        '{"id": "p", "id": "q", "prompt": "r"}',
        '{"id": "s", "prompt": NaN}',
        r'{"id": "t", "prompt": "\ud800"}',
        r'{"id": "u", "prompt": "v", "meta": {"x": "\ud800"}}',
    )
    assert faults(path) == [
        "line 2: invalid JSON: Expecting value (column 23)",
        "line 3: is not UTF-8 (byte 24 of the line)",
        "line 4: must be a JSON object, not a list",
        "line 5, prompt: is missing",
        "line 6, prompt: must be a string, not a number",
        "line 7, prompt: is empty",
        "line 8, id: 'g/h' looks like a path",
        "line 9, id: the same as on line 1",
        "line 10, prompt: the same as on line 1",
        "line 11, text: unknown field, put it into meta",
        "line 12, meta: must be an object, not a list",
        "line 13, family: must be a string, not a number",
        "line 13, style: is empty",
        "line 14: invalid JSON: the key 'id' stands twice in one object",
        "line 15: invalid JSON: NaN is not a JSON value",
        "line 16, prompt: contains half of a surrogate pair, which is not a character",
        "line 17, meta: contains half of a surrogate pair, which is not a character",
    ]


def test_null_and_booleans_are_called_by_their_names(tmp_path):
    path = write(tmp_path, row(None, True))
    assert faults(path) == ["line 1, id: must be a string, not null", "line 1, prompt: must be a string, not true"]


def test_deep_nesting_is_a_fault_and_no_crash(tmp_path):
    found = faults(write(tmp_path, "[" * 100_000))
    assert len(found) == 1
    assert found[0].startswith("line 1: invalid JSON")


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf"])
def test_an_empty_split_is_an_error(tmp_path, content):
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="the split harm_test has no prompt"):
        check_file(path, split="harm_test")


def test_missing_files_folders_and_utf16_are_told(tmp_path):
    with pytest.raises(InputError, match="no such prompts file"):
        check_file(tmp_path / "none.jsonl", split="benign")
    with pytest.raises(InputError, match="cannot be read"):
        check_file(tmp_path, split="benign")
    path = tmp_path / "p.jsonl"
    path.write_text(row(), encoding="utf-16")
    with pytest.raises(InputError, match="UTF-16"):
        check_file(path, split="benign")
