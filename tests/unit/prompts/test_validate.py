import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt
from steering_reliability.prompts.validate import check_disjoint, prepare_prompts, read_prompts


def write(tmp_path, *lines, name="p.jsonl"):
    path = tmp_path / name
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def row(id="a", prompt="hello", **rest):
    return json.dumps({"id": id, "prompt": prompt, **rest})


def faults(path):
    with pytest.raises(InputError) as caught:
        read_prompts(path, split="benign")
    assert caught.value.where == str(path)
    return [line.strip() for line in caught.value.what.splitlines()[1:]]


def test_a_good_file_with_bom_crlf_blank_lines_and_extra_meta(tmp_path):
    path = tmp_path / "p.jsonl"
    meta = {"family": "f", "style": "s", "source": {"page": 3}}
    text = f"{row('a', 'é one', meta=meta)}\r\n\r\n{row('b', 'two')}"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_prompts(path, split="benign") == [
        Prompt("a", "é one", "f", "s", {"source": {"page": 3}}),
        Prompt("b", "two", "unknown", "unknown"),
    ]


def test_a_raw_line_separator_inside_a_prompt_does_not_break_the_line(tmp_path):
    path = write(tmp_path, '{"id": "a", "prompt": "one\u2028two"}')
    assert read_prompts(path, split="benign")[0].prompt == "one\u2028two"


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
        read_prompts(path, split="harm_test")


def test_missing_files_folders_and_utf16_are_told(tmp_path):
    with pytest.raises(InputError, match="no such prompts file"):
        read_prompts(tmp_path / "none.jsonl", split="benign")
    with pytest.raises(InputError, match="cannot be read"):
        read_prompts(tmp_path, split="benign")
    path = tmp_path / "p.jsonl"
    path.write_text(row(), encoding="utf-16")
    with pytest.raises(InputError, match="UTF-16"):
        read_prompts(path, split="benign")


def test_a_prompt_in_two_splits_is_named_with_both_ids():
    train = [Prompt("t1", "Pick a lock!", "f", "s"), Prompt("t2", "Other", "f", "s")]
    test = [Prompt("e1", "something", "f", "s"), Prompt("e2", "pick  a lock", "f", "s")]
    with pytest.raises(InputError) as caught:
        check_disjoint({"harm_train": train, "harm_test": test})
    assert caught.value.what.splitlines()[1:] == ["    e2 in harm_test: the same prompt as t1 in harm_train"]
    check_disjoint({"harm_train": train, "harm_test": test[:1]})


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
