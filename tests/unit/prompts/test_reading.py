import json

from steering_reliability.prompts import reading
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt


def row(id="a", prompt="hello", **rest):
    return json.dumps({"id": id, "prompt": prompt, **rest})


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
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "a", "prompt": "one\u2028two"}\n', encoding="utf-8")
    assert read_prompts(path, split="benign")[0].prompt == "one\u2028two"


def test_the_same_content_is_parsed_once_and_a_changed_file_anew(tmp_path, monkeypatch):
    path = tmp_path / "p.jsonl"
    path.write_text(row(prompt="once only"), encoding="utf-8")
    first = read_prompts(path, split="benign")
    first.pop()
    with monkeypatch.context() as patch:
        patch.setattr(reading, "check_content", None)
        assert [prompt.prompt for prompt in read_prompts(path, split="benign")] == ["once only"]
    path.write_text(row(prompt="and again"), encoding="utf-8")
    assert [prompt.prompt for prompt in read_prompts(path, split="benign")] == ["and again"]
