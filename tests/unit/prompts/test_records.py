import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.records import read_records


def rows(path, field="prompt"):
    return [(record.at, record.values) for record in read_records(path, expected_field=field).records]


def write(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_are_told_apart(tmp_path, encoding):
    path = write(tmp_path, "prompt\ncafé €\n".encode(encoding))
    assert rows(path) == [("row 1 (line 2)", {"prompt": "café €"})]
    assert read_records(path, expected_field="prompt").notes == []


def test_windows_1252_is_read_and_noted(tmp_path):
    path = write(tmp_path, "prompt\ncafé’s\n".encode("cp1252"))
    assert rows(path) == [("row 1 (line 2)", {"prompt": "café’s"})]
    assert "Windows-1252" in read_records(path, expected_field="prompt").notes[0]


@pytest.mark.parametrize("content", [b"prompt\n\x81\xff\n", "prompt\nhi\n".encode("utf-16-le"), b"\xff\xfea"])
def test_other_encodings_are_refused(tmp_path, content):
    with pytest.raises(InputError, match="no known encoding"):
        rows(write(tmp_path, content))


def test_crlf_quoted_newlines_and_empty_rows(tmp_path):
    path = write(tmp_path, 'id,prompt\r\n1,"one\r\ntwo, ""three"""\r\n,\r\n\r\n2,four\r\n')
    assert rows(path) == [
        ("row 1 (line 2)", {"id": "1", "prompt": 'one\r\ntwo, "three"'}),
        ("row 2 (line 6)", {"id": "2", "prompt": "four"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_shows_the_expected_column(tmp_path, delimiter):
    path = write(tmp_path, f'x{delimiter}"Goal"\n1{delimiter}go\n')
    assert rows(path, "Goal") == [("row 1 (line 2)", {"x": "1", "Goal": "go"})]


def test_a_very_long_cell(tmp_path):
    path = write(tmp_path, "prompt\n" + "a" * 200_000 + "\n")
    assert len(rows(path)[0][1]["prompt"]) == 200_000


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        ("a,prompt\n1,2,3\n", "3 cells under a header of 2", "line 2"),
        ('prompt\nx\n"never closed\ny\n', "unexpected end of data", "line 3"),
        ("prompt,prompt\n1,2\n", "'prompt' stands there twice", "header"),
    ],
)
def test_malformed_csv_names_the_line(tmp_path, content, what, where):
    with pytest.raises(InputError) as caught:
        rows(write(tmp_path, content))
    assert what in caught.value.what
    assert caught.value.where.endswith(where)


def test_json_lists_wrapped_lists_and_plain_strings(tmp_path):
    expected = [("row 1", {"prompt": "a"}), ("row 2", {"prompt": "b"})]
    for content in ('[{"prompt":"a"},{"prompt":"b"}]', '{"v":1,"data":[{"prompt":"a"},{"prompt":"b"}]}', '["a","b"]'):
        assert rows(write(tmp_path, content, "p.json")) == expected


def test_json_lines_skip_blanks_and_keep_line_numbers(tmp_path):
    path = write(tmp_path, '{"prompt":"a"}\r\n\r\n{"prompt":"b"}', "p.jsonl")
    assert rows(path) == [("line 1", {"prompt": "a"}), ("line 3", {"prompt": "b"})]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("p.json", '{"a": 1}', "neither a list"),
        ("p.json", '{"a": [1], "b": [2]}', "neither a list"),
        ("p.json", "[1]", "must be an object"),
        ("p.json", "[", "invalid JSON"),
        ("p.jsonl", '{"a":1}\n{', "invalid JSON"),
        ("p.xlsx", "x", "cannot tell the format"),
    ],
)
def test_what_is_not_rows_is_refused(tmp_path, name, content, what):
    with pytest.raises(InputError, match=what):
        rows(write(tmp_path, content, name))
