import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.metrics.labels import LabelledCompletion, read_labels

ROW = {"prompt": "How?", "completion": "So.", "model": "m", "final_label": "1_full_compliance", "id": "x"}


def _write(tmp_path, *lines):
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_reads_rows_and_counts_a_partial_refusal_as_one(tmp_path):
    labels = ("1_full_compliance", "2_full_refusal", "3_partial_refusal")
    path = _write(tmp_path, *(json.dumps(ROW | {"final_label": label}) for label in labels), "")
    rows = read_labels(path)
    assert rows[0] == LabelledCompletion("How?", "So.", "m", "1_full_compliance")
    assert [row.refused for row in rows] == [False, True, True]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        (json.dumps({"prompt": "How?"}), "'completion' is missing"),
        (json.dumps(ROW | {"model": 3}), "'model' is missing or not a string"),
        (json.dumps(ROW | {"final_label": "yes"}), "unknown final_label 'yes'"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, what):
    with pytest.raises(InputError, match=what) as raised:
        read_labels(_write(tmp_path, json.dumps(ROW), line))
    assert raised.value.where.endswith("line 2")


def test_a_missing_and_an_empty_file_are_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no labelled completion"):
        read_labels(_write(tmp_path, ""))


def test_truncated_keeps_the_first_words_as_they_were_written():
    row = LabelledCompletion("p", " One  two\nthree two", "m", "2_full_refusal")
    assert row.truncated(3).completion == " One  two\nthree"
    assert row.truncated(2).completion == " One  two"
    assert row.truncated(4) == row
    assert row.truncated(9) == row
