import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.validate import (
    Problems,
    check_content,
    collapse_space,
    fault_in_id,
    fault_in_text,
    read_content,
)


def row(id="a", prompt="hello", **rest):
    return json.dumps({"id": id, "prompt": prompt, **rest}).encode()


def faults(*lines):
    with pytest.raises(InputError) as caught:
        check_content(b"\n".join(lines), split="benign", source="p.jsonl")
    assert caught.value.where == "p.jsonl"
    return [line.strip() for line in caught.value.what.splitlines()[1:]]


def test_every_broken_line_is_named_at_once():
    assert faults(
        row("ok", "fine"),
        b'{"id": "b", "prompt": ',
        b'{"id": "c", "prompt": "\xff"}',
        b'["a list"]',
        b'{"id": "d"}',
        row("e", 7),
        row("f", "  "),
        row("g/h", "path"),
        row("ok", "other"),
        row("i", "fine"),
        row("j", "k", text="x"),
        row("l", "m", meta=["f"]),
        row("n", "o", meta={"family": 3, "style": ""}),
        b'{"id": "p", "id": "q", "prompt": "r"}',
        b'{"id": "s", "prompt": NaN}',
        rb'{"id": "t", "prompt": "\ud800"}',
        rb'{"id": "u", "prompt": "v", "meta": {"x": "\ud800"}}',
        row(None, True),
    ) == [
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
        "line 14: invalid JSON: the key 'id' appears twice in one object",
        "line 15: invalid JSON: NaN is not a JSON value",
        "line 16, prompt: contains half of a surrogate pair, which is not a character",
        "line 17, meta: contains half of a surrogate pair, which is not a character",
        "line 18, id: must be a string, not null",
        "line 18, prompt: must be a string, not true",
    ]


def test_deep_nesting_is_a_fault_and_no_crash():
    (found,) = faults(b"[" * 100_000)
    assert found.startswith("line 1: invalid JSON")


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_an_empty_split_is_an_error(content):
    with pytest.raises(InputError, match="the split harm_test has no prompt"):
        check_content(content, split="harm_test", source="p.jsonl")


def test_missing_files_folders_and_utf16_are_named(tmp_path):
    with pytest.raises(InputError, match="no such prompts file"):
        read_content(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_content(tmp_path)
    path = tmp_path / "p.jsonl"
    path.write_text("x", encoding="utf-16")
    with pytest.raises(InputError, match="UTF-16"):
        read_content(path)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        *((good, None) for good in ("harm_train_0001", "17", "a b", "é-1", "x" * 200)),
        ("", "empty"),
        (" a", "spaces"),
        ("x" * 201, "201 characters"),
        *((path, "path") for path in ("a/b", "a\\b", "..")),
        *((text, "control") for text in ("a\tb", "a\nb", "a\u2028b")),
        ("a\ud800", "surrogate"),
    ],
)
def test_ids_are_safe_in_files_and_tables(value, fault):
    assert fault_in_id(value) is None if fault is None else fault in fault_in_id(value)


def test_text_may_have_line_breaks_and_tabs_but_must_be_text():
    assert fault_in_text("a\n\tb 🎈") is None
    assert fault_in_text(" \n ") == "is empty"
    assert "control" in fault_in_text("a\0b")
    assert "surrogate" in fault_in_text("\udc00")
    assert collapse_space(" a\n b ") == "a b"


def test_twenty_problems_are_listed_and_the_rest_counted():
    problems = Problems("a.jsonl")
    problems.raise_if_any("fix it")
    for number in range(1, 24):
        problems.add("is empty", at=f"line {number}", field="prompt")
    with pytest.raises(InputError) as caught:
        problems.raise_if_any("fix it")
    first, *listed = caught.value.what.splitlines()
    assert first == "23 problems in this file"
    assert listed[0] == "    line 1, prompt: is empty"
    assert listed[19:] == ["    line 20, prompt: is empty", "    and 3 more"]
    assert (caught.value.where, caught.value.fix) == ("a.jsonl", "fix it")
