import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.ingest import FieldNames, ingest_prompts
from steering_reliability.prompts.schema import Prompt


def write(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def test_a_csv_with_other_field_names(tmp_path):
    path = write(tmp_path, "Index,Goal,Category\n0, Do a thing ,Privacy\n1,Do another,\n")
    fields = FieldNames(prompt="Goal", id="Index", family="Category")
    assert ingest_prompts(path, split="harm_test", fields=fields).prompts == [
        Prompt("0", "Do a thing", "Privacy", "unknown"),
        Prompt("1", "Do another", "unknown", "unknown"),
    ]


def test_nested_fields_lists_and_numbers(tmp_path):
    rows = [
        {"question_id": 7, "turns": ["first", "second"], "meta": {"family": "f", "style": "s"}},
        {"question_id": 8, "turns": ["other"], "meta": {"family": "g"}},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    fields = FieldNames(prompt="turns", id="question_id", family="meta.family", style="meta.style")
    assert ingest_prompts(path, split="benign", fields=fields).prompts == [
        Prompt("7", "first", "f", "s"),
        Prompt("8", "other", "g", "unknown"),
    ]


def test_missing_ids_are_made_and_do_not_meet_given_ones(tmp_path):
    path = write(tmp_path, "id,prompt\nbenign_0002,a\n,b\n,c\n")
    result = ingest_prompts(path, split="benign", fields=FieldNames(id="id"))
    assert [prompt.id for prompt in result.prompts] == ["benign_0002", "benign_0002b", "benign_0003"]
    assert result.notes == ["made 2 ids of the form benign_0001"]


def test_duplicates_are_dropped_and_reported_with_both_rows(tmp_path):
    path = write(tmp_path, 'prompt\na b\nc\n"a\r\n b"\n')
    result = ingest_prompts(path, split="benign", fields=FieldNames())
    assert [(prompt.id, prompt.prompt) for prompt in result.prompts] == [("benign_0001", "a b"), ("benign_0002", "c")]
    assert result.notes[1:] == ["dropped row 3 (line 4): the same prompt as row 1 (line 2)"]


def test_line_ends_inside_a_prompt_become_lf(tmp_path):
    path = write(tmp_path, 'prompt\r\n"one\r\ntwo"\r\n')
    assert ingest_prompts(path, split="benign", fields=FieldNames()).prompts[0].prompt == "one\ntwo"


def test_all_unusable_rows_are_named_at_once(tmp_path):
    rows = [
        {"id": "a", "prompt": "fine"},
        {"id": "b"},
        {"id": "c/d", "prompt": "x"},
        {"id": "e", "prompt": {"text": "y"}},
        {"id": "a", "prompt": "z"},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    with pytest.raises(InputError) as caught:
        ingest_prompts(path, split="benign", fields=FieldNames(id="id"))
    assert [line.strip() for line in caught.value.what.splitlines()[1:]] == [
        "line 2, prompt: is empty",
        "line 3, id: 'c/d' looks like a path",
        "line 4, prompt: is neither text nor a number",
        "line 4, prompt: is empty",
        "line 5, id: the same id as line 1, for another prompt",
    ]


def test_a_field_that_no_row_has_is_told_with_the_ones_there_are(tmp_path):
    path = write(tmp_path, "Index,Goal\n0,x\n")
    with pytest.raises(InputError, match="no row has a field 'prompt'") as caught:
        ingest_prompts(path, split="benign", fields=FieldNames())
    assert "'Index', 'Goal'" in caught.value.fix


def test_a_header_without_rows_and_an_unknown_split_are_errors(tmp_path):
    path = write(tmp_path, "prompt\n")
    with pytest.raises(InputError, match="no prompt in it"):
        ingest_prompts(path, split="benign", fields=FieldNames())
    with pytest.raises(InputError, match="no split 'dev'"):
        ingest_prompts(path, split="dev", fields=FieldNames())
