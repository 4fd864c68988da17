import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.records import fields_of, read_all, read_records


@pytest.fixture
def read(tmp_path):
    """Reads bytes or text in a file of a name: places and values of its rows, and the notes."""

    def read_file(content, name="p.csv", field="prompt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = read_records(path, expected_field=field)
        return [(record.at, record.values) for record in found.records], found.notes

    return read_file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings_are_told_apart_and_a_guess_is_noted(read, encoding):
    rows, notes = read("prompt\ncafé €\n".encode(encoding))
    assert rows == [("row 1 (line 2)", {"prompt": "café €"})]
    assert ["Windows-1252" in note for note in notes] == [True] * (encoding == "cp1252")


@pytest.mark.parametrize(
    ("content", "name", "rows"),
    [
        (
            'id,prompt\r\n1,"one\r\ntwo, ""three"""\r\n,\r\n\r\n2,four\r\n',
            "p.csv",
            [
                ("row 1 (line 2)", {"id": "1", "prompt": 'one\r\ntwo, "three"'}),
                ("row 2 (line 6)", {"id": "2", "prompt": "four"}),
            ],
        ),
        # The delimiter is the one that shows the expected column.
        *(
            (f'x{mark}"prompt"\na,b{mark}c\n', "p.tsv", [("row 1 (line 2)", {"x": "a,b", "prompt": "c"})])
            for mark in ";\t|"
        ),
        ("prompt\n" + "a" * 200_000 + "\n", "p.csv", [("row 1 (line 2)", {"prompt": "a" * 200_000})]),
        *(
            (content, "p.json", [("row 1", {"prompt": "a"}), ("row 2", {"prompt": "b"})])
            for content in (
                '[{"prompt":"a"},{"prompt":"b"}]',
                '{"v":1,"d":[{"prompt":"a"},{"prompt":"b"}]}',
                '["a","b"]',
            )
        ),
        ('{"prompt":"a"}\r\n\r\n"b"', "p.jsonl", [("line 1", {"prompt": "a"}), ("line 3", {"prompt": "b"})]),
        ("a\r\n \rb", "p.txt", [("line 1", {"prompt": "a"}), ("line 3", {"prompt": "b"})]),
    ],
)
def test_rows_have_their_place_and_their_fields(read, content, name, rows):
    assert read(content, name)[0] == rows


@pytest.mark.parametrize(
    ("content", "name", "what", "where"),
    [
        ("a,prompt\n1,2,3\n", "p.csv", "3 cells under a header of 2", "line 2"),
        ('prompt\nx\n"never closed\ny\n', "p.csv", "unexpected end of data", "line 3"),
        ("prompt,prompt\n1,2\n", "p.csv", "'prompt' appears twice", "header"),
        ('{"a": 1}', "p.json", "neither a list", "top level"),
        ('{"a": [1], "b": [2]}', "p.json", "neither a list", "top level"),
        ("[1]", "p.json", "must be an object", "row 1"),
        ("[", "p.json", "invalid JSON", "line 1"),
        ('{"a":1}\n{', "p.jsonl", "invalid JSON", "line 2"),
        ("x", "p.xlsx", "cannot tell the format", "p.xlsx"),
        ("not Parquet", "p.parquet", "invalid Parquet", "p.parquet, the whole"),
        *(
            (content, "p.csv", "no known encoding", "p.csv")
            for content in (b"\x81\xff", "hi".encode("utf-16-le"), b"\xff\xfea")
        ),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(read, content, name, what, where):
    with pytest.raises(InputError) as caught:
        read(content, name)
    assert what in caught.value.what
    assert caught.value.where.endswith(where)


def test_several_files_are_read_as_one_and_their_rows_have_the_name_of_their_file(tmp_path):
    for name, content in {"a.csv": "prompt\nx\n", "b.jsonl": '{"prompt": "y", "meta": {"n": 1}}', "c.txt": "z"}.items():
        (tmp_path / name).write_text(content)
    found = read_all([tmp_path / "a.csv", tmp_path / "b.jsonl"], expected_field="prompt")
    assert [record.at for record in found.records] == ["a.csv, row 1 (line 2)", "b.jsonl, line 1"]
    assert fields_of(found.records) == ["prompt", "meta", "meta.n"]
    assert not found.is_plain
    assert read_all([tmp_path / "c.txt"], expected_field="prompt").is_plain
    with pytest.raises(InputError, match="cannot read the file: No such file"):
        read_all([tmp_path / "none.parquet"], expected_field="prompt")
